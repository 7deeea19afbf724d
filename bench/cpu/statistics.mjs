export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

export function spread(values) {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values), samples: values.length };
}

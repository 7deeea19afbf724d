export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

export function spread(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return { median: median(values), least, most, samples: values.length };
}

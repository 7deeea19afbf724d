// The tables of README.md that come from a result of `npm run bench:cpu`.

/** Markdown; empty without a result. */
export function cpuTables(report) {
  if (report === undefined) return "";
  const lead = "Beside llama.cpp on the same GGUF files (random weights in the shapes of real models), threads and machine:\n";
  return [lead, speedTable(report), smallTable(report), agreementText(report), circumstances(report)]
    .filter((part) => part !== "")
    .join("\n");
}

function speedTable({ speed = [] }) {
  if (speed.length === 0) return "";
  const lines = speed.map(({ model, format, threads, row, own, peer, ratio, ...rest }) => {
    const cells = [model, format, threads, row, rate(own), rate(peer), ratio?.toFixed(2) ?? "–", limit(rest)];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| model | format | threads | row | llmir tokens/s | llama.cpp | ratio | of the limit: llmir, llama.cpp |",
    "|---|---|---:|---|---:|---:|---:|---:|",
    ...lines,
    "",
  ].join("\n");
}

function limit({ limit: kind, ownShare, peerShare }) {
  const names = { bandwidth: "bandwidth", vectorInt8: "int8 peak", vectorBf16: "bf16 peak" };
  const percent = (share) => (share === undefined ? "–" : `${(100 * share).toFixed(0)} %`);
  return kind === undefined ? "" : `${percent(ownShare)}, ${percent(peerShare)} of ${names[kind]}`;
}

function smallTable({ small = [] }) {
  if (small.length === 0) return "";
  const lines = small.map(({ model, threads, ownMicroseconds, peerMicroseconds, ratio }) => {
    return `| ${[model, threads, ownMicroseconds.toFixed(1), peerMicroseconds.toFixed(1), ratio.toFixed(2)].join(" | ")} |`;
  });
  const heading = "| small model | threads | llmir µs a token | llama.cpp | ratio |";
  return [heading, "|---|---:|---:|---:|---:|", ...lines, ""].join("\n");
}

function agreementText({ agreement }) {
  if (agreement === undefined) return "";
  const { greedy, forms } = agreement;
  const lines = forms.map(({ format, positions, own, peer, ...tops }) => {
    const share = (count) => `${((100 * count) / positions).toFixed(1)} %`;
    const same = [tops.sameTop, tops.ownTop, tops.peerTop].map(share);
    return `| ${[format, ...same, own.toExponential(1), peer.toExponential(1)].join(" | ")} |`;
  });
  return [
    `stories260K: ${greedy.same} of ${greedy.tokens} greedy tokens agree with llama.cpp from the start. Distances are`,
    "those of all logits from a binary64 reference of the same file, relative.",
    "",
    "| form | same likeliest token | llmir and binary64 | llama.cpp and binary64 | distance, llmir | llama.cpp |",
    "|---|---:|---:|---:|---:|---:|",
    ...lines,
    "",
  ].join("\n");
}

function circumstances({ machine, cores, date, load, rounds, peer, peaks, speed = [], small = [] }) {
  const others = [...speed, ...small].map(({ foreign }) => foreign).sort((a, b) => a - b);
  const busy = others.length === 0 ? "" : `; others kept ${others[others.length >> 1].toFixed(1)} cores busy (median)`;
  const bounds = peaks.map(({ threads, ...each }) => {
    const values = Object.entries(each).map(([name, value]) => `${name} ${Math.round(value).toLocaleString("en-US")}`);
    return `${threads} thread${threads === 1 ? "" : "s"}: ${values.join(", ")}`;
  });
  return [
    `Medians of ${rounds} alternating rounds; ${machine}, ${cores} cores, ${date}, load ${load} at the start${busy}. Peer:`,
    `llama.cpp ${peer?.release ?? "(absent)"} (${peer?.package ?? "–"}). Both sides are timed in C around \`llmir_step\` and`,
    `\`llama_decode\`, without sampling. Peaks in G operations/s: ${bounds.join("; ")}. Printed by \`npm run bench:cpu\`.`,
    "",
  ].join("\n");
}

function rate(side) {
  return side === undefined ? "–" : Number(side.median.toPrecision(3)).toLocaleString("en-US");
}

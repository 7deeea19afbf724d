// The tables of README.md that come from a result of `npm run bench:cpu`.

/** Markdown; empty without a result. */
export function cpuTables(report) {
  if (report === undefined) return "";
  const lead = "Beside llama.cpp on the same GGUF files (random weights in the shapes of real models), threads and machine:\n";
  const parts = [speedTable, smallTable, busyText, agreementText, circumstances].map((part) => part(report));
  return [lead, ...parts.filter((part) => part !== "")].join("\n");
}

const headings = {
  prefill: "prefill 512", decode: "decode 128", deep: "the same at 4,096", batch2: "2 sequences", batch4: "4", batch8: "8",
  batch16: "16",
};
const limits = { bandwidth: "of the bandwidth", vectorInt8: "of the int8 peak", vectorBf16: "of the bf16 peak" };

/** A line for each model, format and number of threads. */
function speedTable({ speed = [] }) {
  if (speed.length === 0) return "";
  const rows = Object.keys(headings).filter((row) => speed.some((each) => each.row === row));
  const startOf = ({ model, format, threads }) => `| ${model} | ${format} | ${threads} |`;
  const lines = [...new Set(speed.map(startOf))].map((start) => {
    const found = speed.filter((each) => startOf(each) === start);
    const texts = rows.map((row) => speedCell(found.find((each) => each.row === row)));
    return `${start} ${texts.join(" | ")} |`;
  });
  return [
    "Tokens/s of llmir, times those of llama.cpp, and the share of the machine's limit that llmir reaches: the read",
    "bandwidth probed beside each decode, or the peak of vector products. Where memory is shared with other machines its",
    "speed may change between the probe and what it stands beside: shares above 100 % are that.",
    "",
    `| model | format | threads | ${rows.map((row) => headings[row]).join(" | ")} |`,
    `|---|---|---:|${"---|".repeat(rows.length)}`,
    ...lines,
    "",
  ].join("\n");
}

function speedCell(result) {
  if (result === undefined) return "–";
  const { own, ratio, limit, ownShare } = result;
  const parts = [rate(own)];
  if (ratio !== undefined) parts.push(`**${ratio.toFixed(2)}×**`);
  if (ownShare !== undefined) parts.push(`${(100 * ownShare).toFixed(0)} % ${limits[limit]}`);
  return parts.join(", ");
}

function smallTable({ small = [] }) {
  if (small.length === 0) return "";
  const lines = small.map(({ model, threads, ownMicroseconds, peerMicroseconds, ratio }) => {
    return `| ${[model, threads, ownMicroseconds.toFixed(1), peerMicroseconds.toFixed(1), ratio.toFixed(2)].join(" | ")} |`;
  });
  const heading = "| small model | threads | llmir µs a token | llama.cpp | ratio |";
  return [heading, "|---|---:|---:|---:|---:|", ...lines, ""].join("\n");
}

/** One sentence of each number of threads. */
function busyText({ busy = [] }) {
  const find = (threads, isBusy) => busy.find((each) => each.threads === threads && each.busy === isBusy);
  const most = Math.max(...busy.map(({ threads }) => threads));
  const [alone, all, beside] = [find(1, false), find(most, false), find(most, true)];
  if (alone === undefined || all === undefined || beside === undefined) return "";
  const peers = all.peer === undefined ? "" : ` (llama.cpp: ${[alone, all, beside].map(({ peer }) => rate(peer)).join(", ")})`;
  return [
    `Decoding ${alone.model} in ${alone.format}: ${rate(alone.own)} tokens/s with one thread, ${rate(all.own)} with ${most}, and`,
    `${rate(beside.own)} with ${most} beside a program that keeps one core busy${peers}.`,
    "",
  ].join("\n");
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

function circumstances(report) {
  const { machine, cores, date, load, rounds, peer, peaks, commits = [], speed = [], small = [] } = report;
  const others = [...speed, ...small].map(({ foreign }) => foreign).sort((a, b) => a - b);
  const busy = others.length === 0 ? "" : `; others kept ${others[others.length >> 1].toFixed(1)} cores busy (median)`;
  const bounds = peaks.map(({ threads, ...each }) => {
    const values = Object.entries(each).map(([name, value]) => `${name} ${Math.round(value).toLocaleString("en-US")}`);
    return `${threads} thread${threads === 1 ? "" : "s"}: ${values.join(", ")}`;
  });
  return [
    `Medians of ${rounds} alternating rounds; ${machine}, ${cores} cores, ${date}, load ${load} at the start${busy}.`,
    `Measured at ${commits.join(", ") || "an unnamed commit"}. Peer:`,
    `llama.cpp ${peer?.release ?? "(absent)"} (${peer?.package ?? "–"}). Both sides are timed in C around \`llmir_step\` and`,
    `\`llama_decode\`, without sampling. Peaks in G operations/s: ${bounds.join("; ")}. Printed by \`npm run bench:cpu\`.`,
    "",
  ].join("\n");
}

function rate(side) {
  return side === undefined ? "–" : Number(side.median.toPrecision(3)).toLocaleString("en-US");
}

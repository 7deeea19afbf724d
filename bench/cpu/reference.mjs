// The logits of a Llama model in binary64, from the numbers that its file stands for: what both sides are
// compared with. Plain loops, a few hundred thousand weights at most.

/** Rows of logits for tokens that start a text, of an imported model that rotates neighbouring pairs. */
export function referenceLogits({ config, vocabulary, weights, tiedHead }, tokens) {
  const matrix = (name) => plainNumbers(weights.read(name));
  const { hiddenSize: width, heads, kvHeads, headDim, normEpsilon, rope, layers } = config;
  const words = matrix("token_embd.weight");
  const rows = tokens.map((token) => Float64Array.from(words.subarray(token * width, (token + 1) * width)));
  for (let layer = 0; layer < layers; layer++) {
    const read = (name) => matrix(`blk.${layer}.${name}.weight`);
    const [q, k, v] = ["attn_q", "attn_k", "attn_v"].map(read);
    const [output, gate, up, down] = ["attn_output", "ffn_gate", "ffn_up", "ffn_down"].map(read);
    const [attentionGain, feedGain] = ["attn_norm", "ffn_norm"].map(read);
    const normed = rows.map((row) => rmsNorm(row, attentionGain, normEpsilon));
    const keys = normed.map((row, at) => rotate(product(k, row), at, headDim, rope.theta));
    const values = normed.map((row) => product(v, row));
    normed.forEach((row, at) => {
      const queries = rotate(product(q, row), at, headDim, rope.theta);
      const seen = attend(queries, { keys, values, at, heads, kvHeads, headDim });
      addTo(rows[at], product(output, seen));
      const inner = rmsNorm(rows[at], feedGain, normEpsilon);
      const raised = product(up, inner);
      const gated = product(gate, inner).map((each, i) => (each / (1 + Math.exp(-each))) * raised[i]);
      addTo(rows[at], product(down, gated));
    });
  }
  const head = tiedHead ? words : matrix("output.weight");
  const gain = matrix("output_norm.weight");
  return rows.map((row) => product(head, rmsNorm(row, gain, normEpsilon)).subarray(0, vocabulary));
}

/** In the order of the file, [out, in]; codes stand the other way round in the graph. */
function plainNumbers(value) {
  if (value.kind === "tensor") return Float64Array.from(value.data);
  const { codes, scales, type } = value;
  const [inner, outer] = type.shape;
  return Float64Array.from(codes, (_, i) => {
    const [row, column] = [Math.floor(i / inner), i % inner];
    return codes[column * outer + row] * scales[Math.floor(column / type.group) * outer + row];
  });
}

function product(matrix, x) {
  return Float64Array.from({ length: matrix.length / x.length }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += matrix[row * x.length + i] * x[i];
    return sum;
  });
}

function rmsNorm(row, gain, epsilon) {
  const mean = row.reduce((sum, each) => sum + each * each, 0) / row.length;
  return row.map((each, i) => (each / Math.sqrt(mean + epsilon)) * gain[i]);
}

function rotate(row, position, headDim, theta) {
  const out = Float64Array.from(row);
  for (let i = 0; i < row.length; i += 2) {
    const angle = position * theta ** (-(i % headDim) / headDim);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    out[i] = row[i] * cos - row[i + 1] * sin;
    out[i + 1] = row[i] * sin + row[i + 1] * cos;
  }
  return out;
}

function attend(queries, { keys, values, at, heads, kvHeads, headDim }) {
  const out = new Float64Array(queries.length);
  for (let head = 0; head < heads; head++) {
    const shared = Math.floor(head / (heads / kvHeads)) * headDim;
    const scores = keys.slice(0, at + 1).map((key) => {
      let sum = 0;
      for (let i = 0; i < headDim; i++) sum += queries[head * headDim + i] * key[shared + i];
      return sum / Math.sqrt(headDim);
    });
    const most = Math.max(...scores);
    const parts = scores.map((each) => Math.exp(each - most));
    const total = parts.reduce((sum, each) => sum + each, 0);
    parts.forEach((part, position) => {
      const [share, value] = [part / total, values[position]];
      for (let i = 0; i < headDim; i++) out[head * headDim + i] += share * value[shared + i];
    });
  }
  return out;
}

function addTo(row, other) {
  other.forEach((each, i) => {
    row[i] += each;
  });
}

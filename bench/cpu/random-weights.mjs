// Seeded random weights, normal with standard deviation 0.02, fast enough for billions: each is one of 65,536
// normal numbers of a table, picked by sixteen bits of a generator (sfc32, public domain).

const deviation = 0.02;

export function randomTable(seed) {
  const next = sfc32(seed);
  const unit = () => (next() + 1) / 2 ** 32;
  const normal = () => deviation * Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
  const numbers = Float32Array.from({ length: 2 ** 16 }, normal);
  const bits = new Uint32Array(numbers.buffer);
  const brain = Uint16Array.from(bits, (each) => (each + 0x7fff + ((each >>> 16) & 1)) >>> 16);
  return { next, brain, floats: (count) => Float32Array.from({ length: count }, normal) };
}

/** `count` bfloat16 numbers; `count` is even. */
export function randomWeights({ next, brain }, count) {
  const out = new Uint16Array(count);
  for (let i = 0; i < count; i += 2) {
    const bits = next();
    out[i] = brain[bits & 0xffff];
    out[i + 1] = brain[bits >>> 16];
  }
  return new Uint8Array(out.buffer);
}

function sfc32(seed) {
  let [a, b, c, counter] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88, 1];
  const next = () => {
    const out = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + out | 0;
    return out >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

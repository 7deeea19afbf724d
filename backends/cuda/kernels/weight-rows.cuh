/*
 * How weights lie in memory: a matrix [K, N] is stored column by column as N rows of K numbers, so that a
 * warp reads one of them with loads of 16 bytes a lane, a chunk. A format says how many numbers a chunk holds
 * and what they are:
 *
 *   f32, f16, bf16   rows of K rounded up to whole chunks, zeros behind
 *   q8, q4           codes of all rows, then f16 scales [N][K / GROUP]; K is a multiple of GROUP, and GROUP
 *                    of a chunk. A byte of q4 holds two codes, plus 8: of byte b of word w, the low half is
 *                    number 8 w + b of the chunk, the high half number 8 w + 4 + b.
 *
 * A chunk that is loaded gives its numbers four at a time. Those of a quantized chunk are `scale * (code -
 * OFFSET)`; a sum over a chunk can take the scale and the offset out of the loop. Their codes come four in a
 * word as well. NARROW says that numbers of x are rounded to bfloat16 before they meet the weights.
 */
#ifndef LLMIR_WEIGHT_ROWS_CUH
#define LLMIR_WEIGHT_ROWS_CUH

#include "../runtime/numbers.cuh"

static __device__ __forceinline__ uint4 load_chunk(const void *rows, int64_t chunk) {
  return ((const uint4 *)rows)[chunk];
}

static __device__ __forceinline__ uint32_t word_of(const uint4 &words, int i) {
  return i == 0 ? words.x : i == 1 ? words.y : i == 2 ? words.z : words.w;
}

struct PlainChunk {
  uint4 words;
};

struct QuantizedChunk {
  uint4 words;
  float scale;
};

/* Rows of floats of BYTES bytes. */
template <int INNER, int BYTES>
struct FloatRows {
  typedef PlainChunk Chunk;
  enum { CHUNK = 16 / BYTES, CHUNKS = (INNER + CHUNK - 1) / CHUNK, SCALED = 0, OFFSET = 0, EXACT_TF32 = BYTES == 2, NARROW = 0 };

  static __device__ __forceinline__ Chunk load(const void *w, int64_t, int64_t row, int chunk) {
    return {load_chunk(w, row * CHUNKS + chunk)};
  }
};

template <int INNER>
struct F32Rows : FloatRows<INNER, 4> {
  static __device__ __forceinline__ float4 numbers(const PlainChunk &chunk, int) {
    return make_float4(__uint_as_float(chunk.words.x), __uint_as_float(chunk.words.y),
                       __uint_as_float(chunk.words.z), __uint_as_float(chunk.words.w));
  }
};

template <int INNER>
struct F16Rows : FloatRows<INNER, 2> {
  static __device__ __forceinline__ float4 numbers(const PlainChunk &chunk, int four) {
    const uint32_t low = word_of(chunk.words, 2 * four), high = word_of(chunk.words, 2 * four + 1);
    return make_float4(from_half((uint16_t)low), from_half((uint16_t)(low >> 16)), from_half((uint16_t)high),
                       from_half((uint16_t)(high >> 16)));
  }
};

template <int INNER>
struct Bf16Rows : FloatRows<INNER, 2> {
  static __device__ __forceinline__ float4 numbers(const PlainChunk &chunk, int four) {
    const uint32_t low = word_of(chunk.words, 2 * four), high = word_of(chunk.words, 2 * four + 1);
    return make_float4(__uint_as_float(low << 16), __uint_as_float(low & 0xffff0000u),
                       __uint_as_float(high << 16), __uint_as_float(high & 0xffff0000u));
  }
};

template <int INNER>
struct NarrowBf16Rows : Bf16Rows<INNER> {
  enum { NARROW = 1 };
};

/* Scales lie behind `rows` rows of `row_bytes` bytes of codes. */
template <int GROUPS>
static __device__ __forceinline__ float scale_of(const void *w, int64_t codes_bytes, int64_t row, int group) {
  return from_half(((const uint16_t *)((const unsigned char *)w + codes_bytes))[row * GROUPS + group]);
}

template <int INNER, int GROUP>
struct Q8Rows {
  typedef QuantizedChunk Chunk;
  enum { CHUNK = 16, CHUNKS = INNER / CHUNK, SCALED = 1, OFFSET = 0, EXACT_TF32 = 0, NARROW = 0, GROUP_SIZE = GROUP };

  static __device__ __forceinline__ Chunk load(const void *w, int64_t rows, int64_t row, int chunk) {
    return {load_chunk(w, row * CHUNKS + chunk),
            scale_of<INNER / GROUP>(w, rows * INNER, row, chunk * CHUNK / GROUP)};
  }
  static __device__ __forceinline__ uint32_t codes(const Chunk &chunk, int four) {
    return word_of(chunk.words, four);
  }
  static __device__ __forceinline__ float4 numbers(const Chunk &chunk, int four) {
    const uint32_t word = codes(chunk, four);
    return make_float4((float)(int8_t)word, (float)(int8_t)(word >> 8), (float)(int8_t)(word >> 16),
                       (float)(int8_t)(word >> 24));
  }
};

template <int INNER, int GROUP>
struct Q4Rows {
  typedef QuantizedChunk Chunk;
  enum { CHUNK = 32, CHUNKS = INNER / CHUNK, SCALED = 1, OFFSET = 8, EXACT_TF32 = 0, NARROW = 0, GROUP_SIZE = GROUP };

  static __device__ __forceinline__ Chunk load(const void *w, int64_t rows, int64_t row, int chunk) {
    return {load_chunk(w, row * CHUNKS + chunk),
            scale_of<INNER / GROUP>(w, rows * INNER / 2, row, chunk * CHUNK / GROUP)};
  }
  static __device__ __forceinline__ uint32_t codes(const Chunk &chunk, int four) {
    return word_of(chunk.words, four / 2) >> (four % 2 * 4) & 0x0f0f0f0fu;
  }
  static __device__ __forceinline__ float4 numbers(const Chunk &chunk, int four) {
    const uint32_t word = codes(chunk, four);
    return make_float4((float)(uint8_t)word, (float)(uint8_t)(word >> 8), (float)(uint8_t)(word >> 16),
                       (float)(uint8_t)(word >> 24));
  }
};

/* What the numbers stand for. */
static __device__ __forceinline__ float4 meaning_of(const PlainChunk &, float4 numbers, int) {
  return numbers;
}

static __device__ __forceinline__ float4 meaning_of(const QuantizedChunk &chunk, float4 n, int offset) {
  const float by = (float)offset;
  return make_float4((n.x - by) * chunk.scale, (n.y - by) * chunk.scale, (n.z - by) * chunk.scale,
                     (n.w - by) * chunk.scale);
}

/* Adds what a chunk brought to its sum: `dot` of x with its numbers, and the sum of x. */
static __device__ __forceinline__ float scaled_sum(const PlainChunk &, float sum, float dot, float, int) {
  return sum + dot;
}

static __device__ __forceinline__ float scaled_sum(const QuantizedChunk &chunk, float sum, float dot,
                                                   float x, int offset) {
  return sum + chunk.scale * (dot - (float)offset * x);
}

/* Four neighbours of a row of INNER floats, zeros behind its end. */
template <int INNER>
static __device__ __forceinline__ float4 load_four(const float *row, int k) {
  if (INNER % 4 == 0) return k < INNER ? *(const float4 *)(row + k) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  return make_float4(k < INNER ? row[k] : 0.0f, k + 1 < INNER ? row[k + 1] : 0.0f,
                     k + 2 < INNER ? row[k + 2] : 0.0f, k + 3 < INNER ? row[k + 3] : 0.0f);
}

/* The nearest bfloat16, as a float: one selection instead of the branches that stored bits need. */
static __device__ __forceinline__ float narrowed(float value) {
  const uint32_t bits = __float_as_uint(value);
  const float rounded = __uint_as_float((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
  return value == value ? rounded : value;
}

static __device__ __forceinline__ float4 narrowed(float4 v) {
  return make_float4(narrowed(v.x), narrowed(v.y), narrowed(v.z), narrowed(v.w));
}

/* The same as the weights of a format are multiplied with them. */
template <class Format, int INNER>
static __device__ __forceinline__ float4 load_four_for(const float *row, int k) {
  const float4 four = load_four<INNER>(row, k);
  return Format::NARROW ? narrowed(four) : four;
}

#endif

/** The limits that every WebGPU device grants without being asked for more: what is emitted keeps to them. */

export const LIMITS = {
  /** `maxStorageBufferBindingSize`: bytes of a buffer that a kernel sees. */
  bindingBytes: 128 * 2 ** 20,
  /** `maxBufferSize`. */
  bufferBytes: 256 * 2 ** 20,
  /** `maxStorageBuffersPerShaderStage`. */
  storageBuffers: 8,
  /** `maxComputeWorkgroupsPerDimension`. */
  groupsPerAxis: 65535,
  /** `minStorageBufferOffsetAlignment` and the same of uniform buffers. */
  offsetAlignment: 256,
} as const;

// How long each kernel of a frame takes on the GPU, by timestamps around every dispatch: a pass is taken apart into one pass for each.

const MOST_DISPATCHES = 2048;

let device = null;
/** While a frame is timed: the kernels so far, and where their timestamps go. */
let timed = null;

/** Call before the bundle asks for its device. */
export function timeKernels() {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor = {}) {
    const more = this.features.has('timestamp-query') ? ['timestamp-query'] : [];
    device = await requestDevice.call(this, { ...descriptor, requiredFeatures: [...(descriptor.requiredFeatures ?? []), ...more] });
    return device;
  };
  const { beginComputePass } = GPUCommandEncoder.prototype;
  GPUCommandEncoder.prototype.beginComputePass = function (descriptor) {
    return timed === null ? beginComputePass.call(this, descriptor) : new PassApart((timestampWrites) => beginComputePass.call(this, { timestampWrites }));
  };
}

class PassApart {
  groups = new Map();

  constructor(begin) {
    this.begin = begin;
  }

  setPipeline(pipeline) {
    this.pipeline = pipeline;
  }

  setBindGroup(index, ...group) {
    this.groups.set(index, group);
  }

  dispatchWorkgroups(...count) {
    const at = 2 * timed.kernels.length;
    timed.kernels.push(this.pipeline.label.split(' ')[0]);
    const pass = this.begin({ querySet: timed.querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 });
    pass.setPipeline(this.pipeline);
    for (const [index, group] of this.groups) pass.setBindGroup(index, ...group);
    pass.dispatchWorkgroups(...count);
    pass.end();
  }

  end() {}
}

/** By kernel, the longest first; empty where the adapter tells no GPU time. */
export async function kernelTimes(frame) {
  if (device === null || !device.features.has('timestamp-query')) return [];
  timed = { kernels: [], querySet: device.createQuerySet({ type: 'timestamp', count: 2 * MOST_DISPATCHES }) };
  await frame();
  const { kernels, querySet } = timed;
  timed = null;
  const size = 16 * kernels.length;
  const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.resolveQuerySet(querySet, 0, 2 * kernels.length, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, read, 0, size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const at = new BigUint64Array(read.getMappedRange());
  const byKernel = new Map();
  kernels.forEach((kernel, i) => {
    const sum = byKernel.get(kernel) ?? { kernel, count: 0, ms: 0 };
    byKernel.set(kernel, { kernel, count: sum.count + 1, ms: sum.ms + Number(at[2 * i + 1] - at[2 * i]) / 1e6 });
  });
  return [...byKernel.values()].sort((a, b) => b.ms - a.ms);
}

/**
 * What brings the compiler along, or a device: loaded when it is first called, since a start that is
 * remembered needs none of it.
 */

type Module<Name extends string> = Record<Name, (...args: never[]) => Promise<unknown>>;

/** The function `name` of a module that is loaded at the first call. */
function onDemand<Name extends string, M extends Module<Name>>(load: () => Promise<M>, name: Name): M[Name] {
  const call = async (...args: never[]): Promise<unknown> => (await load())[name](...args);
  return call as M[Name];
}

export const loadCompiled = onDemand(() => import("./load-compiled.js"), "loadCompiled");
export const targetAvailability = onDemand(() => import("./executors.js"), "targetAvailability");
export const createWebGpuExecutor = onDemand(() => import("./webgpu-executor.js"), "createWebGpuExecutor");

// Fetches the CUDA compiler for tests: five Python packages of NVIDIA that unpack side by side into one
// folder with `bin/nvcc`. Best effort: does nothing where there is an nvcc already, and where it cannot, it
// says so and ends well.
//
//   node scripts/fetch-nvcc.mjs     into .cache/nvcc, where the CUDA target looks for it

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { root } from "./bootstrap.mjs";

const packages = [
  "nvidia-cuda-nvcc==13.0.88",
  "nvidia-cuda-crt==13.0.88",
  "nvidia-nvvm==13.0.88",
  "nvidia-cuda-runtime==13.0.96",
  "nvidia-cuda-cccl==13.0.85",
];

const MINUTES = 5;

const folder = join(root, ".cache", "nvcc");
const compiler = join(folder, "nvidia", "cu13", "bin", "nvcc");

const starts = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;

/** What keeps the compiler from being fetched, or undefined when it is there. */
function fetchNvcc() {
  if (process.platform !== "linux" || process.arch !== "x64") return "there are packages for Linux on x86-64 only";
  const python = ["python3", "python"].find(starts);
  if (python === undefined) return "there is no Python";
  mkdirSync(join(root, ".cache"), { recursive: true });
  const aside = mkdtempSync(join(root, ".cache", "nvcc-"));
  try {
    const options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--no-warn-script-location", "--target", aside];
    const { status, error } = spawnSync(python, ["-m", "pip", "install", ...options, ...packages], {
      stdio: ["ignore", "ignore", "inherit"],
      timeout: MINUTES * 60_000,
      env: { ...process.env, PIP_ROOT_USER_ACTION: "ignore" },
    });
    if (status !== 0) return error === undefined ? `pip ended with ${status}` : error.message;
    rmSync(folder, { recursive: true, force: true });
    renameSync(aside, folder);
    return starts(compiler) ? undefined : "what was fetched cannot be started";
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

if (!starts(process.env.NVCC ?? "nvcc") && !(existsSync(compiler) && starts(compiler))) {
  console.log("nvcc: fetching the CUDA compiler");
  const problem = fetchNvcc();
  if (problem !== undefined) console.log(`nvcc: going on without it: ${problem}`);
}

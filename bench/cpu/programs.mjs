// The C programs that the bench times with, compiled when it starts, and the peer that one of them drives:
// llama.cpp's library as node-llama-cpp ships it, with the headers of exactly that release.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const sources = join(here, "programs");
const headers = [
  "include/llama.h",
  ...["ggml", "ggml-alloc", "ggml-backend", "ggml-cpu", "ggml-opt", "gguf"].map((name) => `ggml/include/${name}.h`),
];

/** Installs the peer's package below `cache`, once for each lock file. Gives its libraries and headers. */
export function installPeer(cache) {
  const folder = join(cache, "peer");
  const lists = ["package.json", "package-lock.json"].map((name) => join(root, "bench/peers/llama-cpp", name));
  const stamp = join(folder, "stamp");
  const wanted = lists.map((path) => readFileSync(path, "utf8")).join("\n");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    console.error("installing llama.cpp (node-llama-cpp, about 700 MB)");
    mkdirSync(folder, { recursive: true });
    for (const path of lists) copyFileSync(path, join(folder, path.slice(path.lastIndexOf("/") + 1)));
    // Not `ci`: the lock leaves out packages of platforms whose registry entry was missing when it was made.
    run("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
    extractHeaders(folder);
    writeFileSync(stamp, wanted);
  }
  const bins = join(folder, `node_modules/@node-llama-cpp/${process.platform}-${process.arch}/bins`);
  if (!existsSync(bins)) throw new Error(`node-llama-cpp ships no library for ${process.platform}-${process.arch}`);
  const { version } = JSON.parse(readFileSync(join(folder, "node_modules/node-llama-cpp/package.json"), "utf8"));
  const bundled = JSON.parse(readFileSync(join(folder, "node_modules/node-llama-cpp/llama/binariesGithubRelease.json"), "utf8"));
  return { libraries: join(bins, readdirSync(bins)[0]), headers: join(folder, "headers"), version, release: bundled.release };
}

/** The package carries llama.cpp's repository as a bundle; structures must match the library exactly. */
function extractHeaders(folder) {
  const repository = join(folder, "repository.git");
  const bundle = join(folder, "node_modules/node-llama-cpp/llama/gitRelease.bundle");
  if (!existsSync(repository)) run("git", ["clone", "--quiet", "--bare", bundle, repository], folder);
  mkdirSync(join(folder, "headers"), { recursive: true });
  for (const path of headers) {
    const text = execFileSync("git", ["-C", repository, "show", `HEAD:${path}`], { maxBuffer: 2 ** 26 });
    writeFileSync(join(folder, "headers", path.slice(path.lastIndexOf("/") + 1)), text);
  }
}

/** Compiles what is missing or older than its sources. */
export function buildPrograms(cache, peer) {
  const folder = join(cache, "programs");
  mkdirSync(folder, { recursive: true });
  const library = (name) => `-l:${readdirSync(peer.libraries).find((each) => each.startsWith(name))}`;
  const names = ["libllama.", "libggml.", "libggml-base."];
  const rows = {
    probe: ["-O3", "-march=native", "-pthread"],
    own: ["-O2", `-I${join(root, "backends/c/runtime")}`, "-ldl"],
    peer: peer && [
      "-O2", `-I${peer.headers}`, `-L${peer.libraries}`, ...names.map(library),
      `-Wl,-rpath,${peer.libraries}`, `-Wl,-rpath-link,${peer.libraries}`,
    ],
  };
  const built = {};
  for (const [name, flags] of Object.entries(rows)) {
    if (flags === undefined) continue;
    built[name] = join(folder, name);
    if (isCurrent(built[name])) continue;
    run(process.env.CC ?? "gcc", ["-Wall", "-Wextra", join(sources, `${name}.c`), "-o", built[name], ...flags], folder);
  }
  return built;
}

function isCurrent(program) {
  if (!existsSync(program)) return false;
  const made = statSync(program).mtimeMs;
  return readdirSync(sources).every((name) => statSync(join(sources, name)).mtimeMs < made);
}

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ["ignore", process.stderr, "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed${error === undefined ? "" : `: ${error.message}`}`);
}

/** A program that answers each line of words with a line of JSON. */
export function startProgram(path, args = []) {
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  let dead = false;
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
  child.on("close", () => {
    dead = true;
    for (const each of waiting) each(undefined);
  });
  return {
    async ask(...words) {
      if (dead) throw new Error(`${path} has ended`);
      const line = await new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${words.join("\t")}\n`);
      });
      if (line === undefined) throw new Error(`${path} ended while it was asked to ${words.join(" ")}`);
      const answer = JSON.parse(line);
      if (answer.error !== undefined) throw new Error(`${path}: ${answer.error} (${words.join(" ")})`);
      return answer;
    },
    end: () => child.stdin.end(),
  };
}

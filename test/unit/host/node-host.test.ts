// The world of Node: what is promised of files, folders, processes and the machine.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { HostError } from "../../../src/base/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { parseCacheSize, parseProcessorInfo } from "../../../src/host/node-machine.js";
import { inTemporaryFolder } from "../../support/models.js";

const host = createNodeHost();
const { files } = host;

function hostErrorOf(effect: () => unknown): HostError {
  try {
    effect();
  } catch (error) {
    if (error instanceof HostError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("files", () => {
  test("are written whole, with the folders above them", () => inTemporaryFolder((folder) => {
    const path = join(folder, "a", "b.txt");
    files.write(path, "one");
    files.write(path, new TextEncoder().encode("two"));
    expect(files.readText(path)).toBe("two");
    expect(files.list(join(folder, "a"))).toEqual(["b.txt"]);
    expect([files.exists(path), files.isDirectory(path)]).toEqual([true, false]);
    expect(files.isDirectory(folder)).toBe(true);
  }));

  test("leave nothing behind when they cannot be written", () => inTemporaryFolder((folder) => {
    mkdirSync(join(folder, "taken"));
    writeFileSync(join(folder, "taken", "inside"), "");
    const error = hostErrorOf(() => files.write(join(folder, "taken"), "text"));
    expect(error.details.path).toBe(join(folder, "taken"));
    expect(files.list(folder)).toEqual(["taken"]);
  }));

  test("that are missing say so, with a hint", () => {
    const error = hostErrorOf(() => files.readText("/no/such/file"));
    expect(error.message).toBe("cannot read the file `/no/such/file`: there is no such file or folder");
    expect(error.details.hint).toBe("check the spelling of the path");
  });

  test("are read at any place, and never short", () => inTemporaryFolder((folder) => {
    const path = join(folder, "bytes");
    writeFileSync(path, Uint8Array.of(1, 2, 3, 4, 5));
    const file = files.open(path);
    expect(file.sizeBytes).toBe(5);
    expect(file.read(1, 3)).toEqual(Uint8Array.of(2, 3, 4));
    expect(file.read(5, 0)).toEqual(new Uint8Array(0));
    expect(hostErrorOf(() => file.read(3, 3)).message).toContain("ends before byte 6");
    file.close();
    file.close();
    expect(hostErrorOf(() => file.read(0, 1)).message).toContain("it was closed");
  }));

  test("can be made with a size and filled in any order", () => inTemporaryFolder((folder) => {
    const path = join(folder, "new");
    const file = files.create(path, 6);
    file.write(4, Uint8Array.of(9));
    file.write(0, Uint8Array.of(1, 2));
    file.close();
    expect(files.readBytes(path)).toEqual(Uint8Array.of(1, 2, 0, 0, 9, 0));
    expect(hostErrorOf(() => files.create(path, 1)).message).toContain("cannot make the file");
  }));

  test("of many runs of zeros has the size that was asked for", () => inTemporaryFolder((folder) => {
    const path = join(folder, "long");
    const sizeBytes = 2 ** 24 + 3;
    const file = files.create(path, sizeBytes);
    file.write(sizeBytes - 1, Uint8Array.of(7));
    file.close();
    const bytes = files.readBytes(path);
    expect([bytes.length, bytes.findIndex((each) => each !== 0)]).toEqual([sizeBytes, sizeBytes - 1]);
  }));
});

describe("a folder", () => {
  test("appears as a whole", () => inTemporaryFolder(async (folder) => {
    const target = join(folder, "artifact");
    await files.writeFolder(target, async (temporary) => {
      writeFileSync(join(temporary, "x"), "1");
      expect(existsSync(target)).toBe(false);
    });
    expect(readFileSync(join(target, "x"), "utf8")).toBe("1");
    expect(readdirSync(folder)).toEqual(["artifact"]);
  }));

  test("that another made meanwhile stays", () => inTemporaryFolder(async (folder) => {
    const target = join(folder, "artifact");
    await files.writeFolder(target, async (temporary) => {
      writeFileSync(join(temporary, "x"), "ours");
      mkdirSync(target);
      writeFileSync(join(target, "x"), "theirs");
    });
    expect(readFileSync(join(target, "x"), "utf8")).toBe("theirs");
    expect(readdirSync(folder)).toEqual(["artifact"]);
  }));

  test("does not appear when filling it fails", () => inTemporaryFolder(async (folder) => {
    const fill = async (): Promise<void> => {
      throw new RangeError("no");
    };
    await expect(files.writeFolder(join(folder, "artifact"), fill)).rejects.toThrow(RangeError);
    expect(readdirSync(folder)).toEqual([]);
  }));
});

describe("programs", () => {
  test("get their arguments as they are", async () => {
    const script = "console.log(JSON.stringify(process.argv.slice(1))); console.error('e'); process.exit(3)";
    const args = ["$HOME", "a b", "`x`", ";"];
    const result = await host.run(process.execPath, ["-e", script, ...args]);
    expect(result).toEqual({ exitCode: 3, stdout: `${JSON.stringify(args)}\n`, stderr: "e\n" });
  });

  test("that do not exist are the world's fault", async () => {
    await expect(host.run("no-such-program-here", [])).rejects.toThrow(HostError);
  });

  test("ended by a signal have the exit code of shells", async () => {
    const result = await host.run(process.execPath, ["-e", "process.kill(process.pid, 'SIGKILL')"]);
    expect(result.exitCode).toBe(137);
  });

  test("run in the folder that is asked for", () => inTemporaryFolder(async (folder) => {
    writeFileSync(join(folder, "here"), "");
    const script = "console.log(require('fs').existsSync('here'))";
    expect((await host.run(process.execPath, ["-e", script], { folder })).stdout).toBe("true\n");
  }));
});

test("assets are found beside the package's own description", () => {
  expect(JSON.parse(files.readText(files.join(host.assetRoot, "package.json"))).name).toBe("llmir");
});

test("a checksum is that of all parts joined", () => {
  expect(host.sha256("ab", Uint8Array.of(99))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

describe("the machine", () => {
  test("has a core and memory", () => {
    expect(host.machine.physicalCores).toBeGreaterThan(0);
    expect(host.machine.memoryBytes).toBeGreaterThan(2 ** 20);
    expect(host.machine).toBe(host.machine);
  });

  test("is read from what Linux prints", () => {
    const processor = (id: number, core: number): string =>
      `processor\t: ${id}\nmodel name\t: Some CPU @ 2.0GHz\nphysical id\t: 0\ncore id\t\t: ${core}\nflags\t\t: fma avx2 avx2\n`;
    const info = parseProcessorInfo([processor(0, 0), processor(1, 0), processor(2, 1)].join("\n"));
    expect(info).toEqual({ model: "Some CPU @ 2.0GHz", physicalCores: 2, features: ["avx2", "fma"] });
    expect(parseProcessorInfo("Features\t: asimd fp\n").features).toEqual(["asimd", "fp"]);
    expect(parseProcessorInfo("")).toEqual({ model: "", physicalCores: 0, features: [] });
    expect(["48K\n", "32M", "7", "?"].map(parseCacheSize)).toEqual([49152, 33554432, 7, 0]);
  });
});

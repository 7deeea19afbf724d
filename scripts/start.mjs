// `npm start`: the shortest way to see it work, which is `llmir demo`. Arguments are passed on.

import { ensureReady, orExit, root } from "./bootstrap.mjs";
import { run } from "./run.mjs";

await orExit(ensureReady());
process.exitCode = await run(process.execPath, ["bin/llmir.mjs", "demo", ...process.argv.slice(2)], root);

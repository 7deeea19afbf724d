// `npm run build:grammars`: the parsers of all grammars, as far as they are out of date.

import { ensureGrammars, ensurePackages, orExit } from "./bootstrap.mjs";

await orExit(ensurePackages());
await orExit(ensureGrammars());

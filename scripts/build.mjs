// `npm run build`: packages, parsers and `dist`, as far as they are out of date.

import { ensureReady, orExit } from "./bootstrap.mjs";

await orExit(ensureReady());

/**
 * Progress on stderr. Short work says nothing: a stage is named when it took a second, and a share is
 * shown once its stage has been running that long. A screen redraws one line; a log gets few lines.
 */

import type { Progress } from "../compiler/index.js";
import type { Door } from "./door.js";
import { formatMs } from "./format.js";

const worthMentioningMs = 1000;
const redrawMs = 100;
const logMs = 5000;

export function createProgress({ host, terminal }: Door, quiet: boolean): Progress {
  if (quiet) return {};
  let started = host.nowMs();
  let lastShown = started;
  let drawn = false;
  const clear = (): void => {
    if (drawn) terminal.err("\r\u001b[K");
    drawn = false;
  };
  return {
    stage: (name, ms) => {
      clear();
      if (ms >= worthMentioningMs) terminal.err(`llmir: ${name} took ${formatMs(ms)}\n`);
      started = host.nowMs();
    },
    step: (name, done, total) => {
      const now = host.nowMs();
      const pauseMs = terminal.interactive ? redrawMs : logMs;
      if (now - started < worthMentioningMs || now - lastShown < pauseMs) return;
      lastShown = now;
      const text = `llmir: ${name} ${Math.floor((100 * done) / total)} %`;
      terminal.err(terminal.interactive ? `\r\u001b[K${text}` : `${text}\n`);
      drawn = terminal.interactive;
    },
  };
}

/** The world's faults in the form of the user's, so that every door shows both alike. */

import type { HostError } from "../base/index.js";
import type { Diagnostic } from "./diagnostic.js";
import { diagnostic } from "./diagnostic.js";

export function describeHostError({ message, details }: HostError): Diagnostic {
  const { path, hint } = details;
  // Most messages name the path themselves.
  const at = path === undefined || message.includes(path) ? {} : { at: path };
  return diagnostic("command/system", message, { ...at, ...(hint === undefined ? {} : { hint }) });
}

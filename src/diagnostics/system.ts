/** The world's faults in the form of the user's, so that every door shows both alike. */

import type { HostErrorDetails } from "../base/index.js";
import { HostError } from "../base/index.js";
import type { Code } from "./catalogue.js";
import { catalogue } from "./catalogue.js";
import type { Diagnostic } from "./diagnostic.js";
import { diagnostic } from "./diagnostic.js";

/** A fault of the world under a code of the catalogue. */
export function hostError(code: Code, message: string, details: Omit<HostErrorDetails, "code">): HostError {
  return new HostError(message, { code, ...details });
}

/** Where no code of the catalogue was given, the fault is the system's. */
export function describeHostError({ message, details }: HostError): Diagnostic {
  const { code = "", path, hint } = details;
  // Most messages name the path themselves.
  const at = path === undefined || message.includes(path) ? {} : { at: path };
  const known = isCode(code) ? code : "command/system";
  return diagnostic(known, message, { ...at, ...(hint === undefined ? {} : { hint }) });
}

function isCode(code: string): code is Code {
  return Object.hasOwn(catalogue, code);
}

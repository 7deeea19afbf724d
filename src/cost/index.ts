/** The hardware description, and the roofline that prices a kernel. */

export * from "./families.js";
export * from "./hardware.js";
export * from "./measurements.js";
export * from "./roofline.js";

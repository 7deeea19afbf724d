/** The hardware description, the roofline that prices a kernel, and calibration. */

export * from "./families.js";

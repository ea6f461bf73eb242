/** What few calls need: with the rare ops in a module of its own (src/kernels/registry.ts), which is fetched on demand. */
export { fetchExternalData } from "./fetch-external.ts";
export { everyValue, findNonFinite } from "./finite.ts";
export { identityOf } from "./model-identity.ts";
export { nodeProgram } from "./node-program.ts";
export { splitLarge } from "./split-large.ts";
export { checkTable, emptyTable } from "./tuning-table.ts";

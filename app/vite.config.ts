import { defineConfig } from "vite";

/** The page imports the engine from its sources, a folder up. */
export default defineConfig({ root: import.meta.dirname, server: { fs: { allow: [".."] } } });

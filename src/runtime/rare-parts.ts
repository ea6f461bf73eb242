import { loadRareOps } from "../kernels/registry.ts";

/** The parts that few calls need. Throws NudgeError where their module cannot be fetched. */
export async function rareParts(): Promise<typeof import("./rare/parts.ts")> {
  // One module of a build, and loading the ops says what is wrong where that cannot be fetched.
  await loadRareOps();
  return import("./rare/parts.ts");
}

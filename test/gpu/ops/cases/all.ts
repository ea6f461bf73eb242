/** Every case, by family: what the plan tests go through without a GPU. */
import type { OpCase } from "./build.ts";
import * as attention from "./attention.ts";
import * as conv from "./conv.ts";
import * as elementwise from "./elementwise.ts";
import * as functions from "./functions.ts";
import * as gathering from "./gathering.ts";
import * as matmul from "./matmul.ts";
import * as movement from "./movement.ts";
import * as normalisation from "./normalisation.ts";
import * as pool from "./pool.ts";
import * as reduce from "./reduce.ts";

export const allCases: readonly OpCase[] = [
  attention,
  conv,
  elementwise,
  functions,
  gathering,
  matmul,
  movement,
  normalisation,
  pool,
  reduce,
].flatMap((family) => Object.values(family as Readonly<Record<string, readonly OpCase[]>>).flat());

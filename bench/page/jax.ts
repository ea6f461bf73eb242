import { jax } from "../peers/jax.ts";
import { hostContestant } from "./host.ts";

hostContestant(jax);

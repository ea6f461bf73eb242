import { tfjs } from "../peers/tfjs.ts";
import { hostContestant } from "./host.ts";

hostContestant(tfjs);

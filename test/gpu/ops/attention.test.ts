import { attentions, rotations } from "./cases/attention.ts";
import { testCases } from "./check-case.ts";

testCases("Attention", attentions);
testCases("RotaryEmbedding", rotations);

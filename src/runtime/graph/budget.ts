/**
 * What a model file can justify. A few hundred bytes can ask for a terabyte of zeros or for a million copies of a function, so
 * what an import makes beyond what the file holds is counted before it is made.
 *
 *   nodes      Of the graph. A file writes at least a node for every few; calls of functions, 3-D convolutions and the like
 *              multiply them. PyTorch's exporter writes functions that expand to about 3 times their nodes.
 *   growth     Numbers in constants that are larger than what they are made of: ConstantOfShape, Range, Expand, masks, grids. A
 *              causal mask over 1024 tokens has a million. 2²² of them are 32 MiB at most.
 *   work       Numbers that are visited while constants are folded: weights that are transposed, dequantised or cast. A file of
 *              weights of 8 bits takes about 4 steps for each of them.
 *
 * The floors hold an import of a small file below a second and below 64 MB on a slow core.
 */
import { LimitError } from "../errors.ts";

/** Elements of one tensor: 4 GiB, the most that a storage binding of any adapter spans. */
export const MAX_ELEMENTS = 2 ** 30;

/** Axes of one tensor. */
export const MAX_RANK = 64;

const FLOOR = { nodes: 2 ** 13, growth: 2 ** 22, work: 2 ** 24 };
/** Allowed for each node that the file writes, and for each number that it holds. */
const EACH = { nodes: 8, growth: 0.5, work: 16 };

const NAMES = { nodes: "nodes of the graph", growth: "numbers in folded constants", work: "steps of folding constants" };

type Kind = keyof typeof FLOOR;

export class ImportBudget {
  private readonly allowed = { ...FLOOR };
  private readonly spent = { nodes: 0, growth: 0, work: 0 };

  /** Nodes that the file writes, those in its functions included. */
  constructor(written: number) {
    this.allowed.nodes += EACH.nodes * written;
  }

  /** Adds what so many numbers of the file justify. */
  justify(numbers: number): void {
    this.allowed.growth += EACH.growth * numbers;
    this.allowed.work += EACH.work * numbers;
  }

  /** Counts what is about to be made. Throws LimitError where it is more than the file justifies. */
  spend(kind: Kind, count: number, where: string): void {
    this.spent[kind] += count;
    if (!(this.spent[kind] <= this.allowed[kind])) throw new LimitError(NAMES[kind], this.spent[kind], this.allowed[kind], where);
  }
}

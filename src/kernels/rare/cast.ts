/** CastLike, and Cast of what the network computes, and of constants to element types that round them or wrap them around. */
import type { Value } from "../../runtime/graph/graph.ts";
import { fromExact } from "../../runtime/graph/integers.ts";
import { FLOAT8E8M0, INTEGER_RANGES, SMALL_FLOATS } from "../element-types.ts";
import { numberAttribute, requiredInput, stringAttribute } from "../onnx-attributes.ts";
import { importersOnly, Unsupported } from "../op.ts";
import type { Emitter, OnnxNode, OpDefinition } from "../op.ts";
import { cast, castBinding, heldAs, needsWrap, ONNX_TYPE, roundsTo, WIDE_INT_TYPES } from "../source.ts";
import { exactElements, wrapTo } from "./wide-integers.ts";
import { roundToPowerOfTwo, roundToSmallFloat, wrapInteger } from "./rounding.ts";

interface Rounding {
  /** Whether what is too large for 8 bits becomes the largest number, rather than infinity or NaN. */
  readonly saturate: boolean;
  /** Where between two powers of two a scale goes. */
  readonly mode: "up" | "down" | "nearest";
}

const roundingOf = (node: OnnxNode): Rounding => {
  const mode = stringAttribute(node, "round_mode", "up");
  if (mode !== "up" && mode !== "down" && mode !== "nearest") throw new Unsupported(`round_mode ${mode}`, "round_mode");
  return { saturate: numberAttribute(node, "saturate", 1) !== 0, mode };
};

/** A constant's element under another element type. */
function convertTo(to: number, { saturate, mode }: Rounding): (x: number) => number {
  if (to === FLOAT8E8M0) return (x) => roundToPowerOfTwo(x, mode, saturate);
  const format = SMALL_FLOATS[to];
  if (format) return (x) => roundToSmallFloat(x, format, saturate);
  return (x) => wrapInteger(x, INTEGER_RANGES[to]!);
}

/** Integers that another element type, or a double, does not hold: they wrap around, and become the nearest float. */
function wrapped(x: Value, to: number, emit: Emitter): Value {
  const type = heldAs(to);
  const exact = exactElements(x);
  if (type === "int")
    return emit.constant(
      x.shape,
      fromExact(
        exact.map((value) => wrapTo(value, to)),
        to,
      ),
      type,
      to,
    );
  return emit.constant(x.shape, Float64Array.from(exact, type === "bool" ? (value) => Number(value !== 0n) : Number), type, to);
}

/** Of what the network computes: to truth values, and to integers wide enough for whatever f32 holds exactly. */
function castComputed(x: Value, to: number, emit: Emitter): Value {
  const type = heldAs(to);
  if (type === "float" || x.type === type) return cast(x, to, emit);
  if (type === "bool") return emit.add("Not", [emit.add("Equal", [x, emit.constant([], [0], x.type)])]);
  if (x.type === "bool") return emit.add("Retype", [x], { type });
  if (!WIDE_INT_TYPES.has(to))
    throw new Unsupported(`casting what the network computes to element type ${to}, which may wrap around`, "to");
  const whole = emit.add("Mul", [emit.add("Sign", [x]), emit.add("Floor", [emit.add("Abs", [x])])]);
  return emit.add("Retype", [whole], { type });
}

/** As the core's cast, and between any element types. */
export function castToAny(x: Value, to: number, emit: Emitter, node: OnnxNode): Value {
  if (!x.data) return castComputed(x, to, emit);
  if (needsWrap(x, to)) return wrapped(x, to, emit);
  if (!roundsTo(to)) return cast(x, to, emit);
  return emit.constant(x.shape, Float64Array.from(x.data, convertTo(to, roundingOf(node))), heldAs(to), to);
}

export const castOps: readonly OpDefinition[] = [
  importersOnly("casts", {
    Cast: { ...castBinding, import: (node, emit) => [castToAny(requiredInput(node, 0), numberAttribute(node, "to", 0), emit, node)] },
    CastLike: {
      since: 15,
      acceptsIntegers: true,
      restrictions: "as Cast",
      import: (node, emit) => {
        const like = requiredInput(node, 1);
        return [castToAny(requiredInput(node, 0), like.onnxType ?? ONNX_TYPE[like.type], emit, node)];
      },
    },
  }),
];

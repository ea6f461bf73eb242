/**
 * Functions that exporters write out in ops, as runtime/graph/passes/recognise.ts looks for them:
 *
 *   layer normalisation   (x − mean x) / √(mean (x − mean x)² + ε), as PyTorch exports it up to opset 16
 *   GELU                  x · ½ (1 + erf(x / √2)), in any order of the factors, as exported up to opset 19
 */
import { sizeOf } from "../../runtime/graph/graph.ts";
import type { Node, Value } from "../../runtime/graph/graph.ts";
import type { Maker } from "../op.ts";

/** The number a constant holds in each of its elements, if it is one number. */
function scalarOf(value: Value | undefined): number | undefined {
  const [first] = value?.data ?? [];
  return first !== undefined && sizeOf(value!.shape) === 1 ? first : undefined;
}

/** The computed operand and the number of a binary node of the given op with one constant number, in either order. */
function withScalar(node: Node | undefined, op: string): { value: Value; scalar: number } | undefined {
  if (node?.op !== op) return undefined;
  const [a, b] = node.inputs as [Value, Value];
  const [x, y] = [scalarOf(a), scalarOf(b)];
  if (y !== undefined && !a.data) return { value: a, scalar: y };
  // A difference or a quotient with the number first is another function.
  return x !== undefined && !b.data && (op === "Add" || op === "Mul") ? { value: b, scalar: x } : undefined;
}

/** The axes of a mean that are the last ones of its operand: the first of them. */
function meanOverLast(node: Node | undefined): { x: Value; axis: number } | undefined {
  if (node?.op !== "ReduceMean") return undefined;
  const x = node.inputs[0]!;
  const axes = [...(node.attributes["axes"] as readonly number[])].sort((a, b) => a - b);
  const axis = x.shape.length - axes.length;
  return axes.length > 0 && axes.every((a, i) => a === axis + i) ? { x, axis } : undefined;
}

/** Matches (x − mean x) / √(variance + ε) at its quotient. */
export function recogniseStandardise(node: Node, maker: Maker): { x: Value; attributes: { axis: number; epsilon: number } } | undefined {
  if (node.op !== "Div") return undefined;
  const [centred, deviation] = node.inputs as [Value, Value];
  const difference = maker(centred);
  const root = maker(deviation);
  if (difference?.op !== "Sub" || root?.op !== "Sqrt") return undefined;
  const [x, mean] = difference.inputs as [Value, Value];
  const over = meanOverLast(maker(mean));
  const shifted = withScalar(maker(root.inputs[0]), "Add");
  const variance = shifted && meanOverLast(maker(shifted.value));
  const square = variance && maker(variance.x);
  if (over?.x !== x || variance?.axis !== over.axis || square?.op !== "Mul") return undefined;
  // PyTorch's exporter takes the difference twice, once for each use of it.
  const isCentred = (value: Value | undefined) => {
    const made = maker(value);
    return value === centred || (made?.op === "Sub" && made.inputs[0] === x && meanOverLast(maker(made.inputs[1]))?.x === x);
  };
  return square.inputs.every(isCentred) ? { x, attributes: { axis: over.axis, epsilon: shifted!.scalar } } : undefined;
}

const ROOT_HALF = Math.SQRT1_2;
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(b);

/** Whether a value is erf(x / √2) + 1. */
function isErfPlusOne(value: Value, x: Value, maker: Maker): boolean {
  const sum = withScalar(maker(value), "Add");
  const erf = sum?.scalar === 1 ? maker(sum.value) : undefined;
  if (erf?.op !== "Erf") return false;
  const argument = maker(erf.inputs[0]);
  const quotient = withScalar(argument, "Div");
  const product = withScalar(argument, "Mul");
  return (quotient?.value === x && near(1 / quotient.scalar, ROOT_HALF)) || (product?.value === x && near(product.scalar, ROOT_HALF));
}

/** Matches x · ½ · (1 + erf(x / √2)) at the outermost of its two products. */
export function recogniseGelu(node: Node, maker: Maker): { x: Value } | undefined {
  if (node.op !== "Mul") return undefined;
  const factors: Value[] = [];
  let scale = 1;
  const gather = (value: Value, depth: number): void => {
    const made = depth < 2 ? maker(value) : undefined;
    const scalar = scalarOf(value);
    if (scalar !== undefined) scale *= scalar;
    else if (made?.op === "Mul") made.inputs.forEach((input) => gather(input!, depth + 1));
    else factors.push(value);
  };
  node.inputs.forEach((input) => gather(input!, 0));
  const [a, b] = factors;
  if (factors.length !== 2 || !near(scale, 0.5)) return undefined;
  const x = isErfPlusOne(b!, a!, maker) ? a : isErfPlusOne(a!, b!, maker) ? b : undefined;
  return x && x.shape.join() === node.outputs[0]!.shape.join() ? { x } : undefined;
}

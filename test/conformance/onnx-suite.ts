/**
 * The ONNX project's own cases against Nudge: forward within 1e-4 of the scale of the output, vjp against float64 autograd
 * where there is a reference, jvp by the adjoint identity ⟨Jv, u⟩ = ⟨v, Jᵀu⟩.
 *
 * Which inputs are free: every float input, if Nudge can import the case so. Otherwise, and that is what a network means by
 * them, the first float input is the network's input and the others are weights: they are bound to constants at load
 * (LoadOptions.constants), as integers and booleans always are. If that is refused too, all inputs are bound. Derivatives are checked for the free inputs. A case without
 * float inputs, or whose result does not depend on one, is evaluated while the graph is built.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import type { Engine, Model, NdArray } from "../../src/index.ts";
import { UnsupportedOpError } from "../../src/index.ts";
import { sizeOf } from "../../src/runtime/graph/graph.ts";
import type { Value } from "../../src/runtime/graph/graph.ts";
import { decodeModel, decodeTensor, toNumber } from "../../src/runtime/onnx/decode.ts";
import type { DecodedTensor } from "../../src/runtime/onnx/decode.ts";
import { loadRareOps } from "../../src/kernels/registry.ts";
import { importModel } from "../../src/runtime/onnx/import.ts";
import type { ConstantTensor } from "../../src/runtime/onnx/import.ts";
import { randomArray } from "../gpu/numbers.ts";
import { sharedData } from "./shared-data.ts";

await loadRareOps();

const TOLERANCE = 1e-4;
/** float16 has 11 bits; its cases were made in it. bfloat16 has 8. */
const TOLERANCE_BY_TYPE: Readonly<Record<number, number>> = { 10: 2e-3, 16: 2e-2 };

export interface SuiteCase {
  readonly suite: string;
  readonly name: string;
  readonly ops: readonly string[];
}

export type Outcome =
  | { readonly status: "passed"; readonly folded: boolean; readonly vjp: number; readonly jvp: number; readonly note?: string }
  | { readonly status: "failed" | "skipped"; readonly reason: string };

interface NamedTensor extends DecodedTensor {
  readonly name: string;
  readonly onnxType: number;
}

interface GradientEntry {
  readonly suite: string;
  readonly test: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly finite: boolean;
  readonly nonsmooth_point: boolean;
}

const folder = sharedData && `${sharedData}/onnx-tests`;
const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;

/** Every case of the folder; none where the folder is missing. */
export function suiteCases(): SuiteCase[] {
  if (!folder || !existsSync(`${folder}/index.json`)) return [];
  const listed = readJson<SuiteCase[]>(`${folder}/index.json`);
  const light = readdirSync(`${folder}/light`).filter((file) => file.endsWith(".onnx"));
  return [...listed, ...light.map((file) => ({ suite: "light", name: file.replace(".onnx", ""), ops: ["light"] }))];
}

/**
 * skips.txt says what is not applicable and why, one a line:
 *
 *   case PATTERN reason   the case suite/name is not run; * stands for anything
 *   op NAME reason        a case is not applicable if Nudge refuses it by name for this op
 *   type CODE reason      a case is not applicable if a tensor of it has this TensorProto.DataType
 */
const skips = readFileSync(fileURLToPath(new URL("skips.txt", import.meta.url)), "utf8")
  .split("\n")
  .filter((line) => line.trim() !== "" && !line.startsWith("#"))
  .map((line) => {
    const [, kind, what, reason] = /^(case|op|type)\s+(\S+)\s+(.+)$/.exec(line) ?? [];
    if (!kind || !what || !reason) throw new Error(`skips.txt: no reason in "${line}"`);
    return { kind, what, reason };
  });

const matches = (id: string, pattern: string) =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(id);

/** Why a case is not run, if it is not. */
export function skipReason({ suite, name }: SuiteCase): string | undefined {
  return skips.find(({ kind, what }) => kind === "case" && matches(`${suite}/${name}`, what))?.reason;
}

/** Why what went wrong is as it should be, if it is. */
function excuse(error: Error): string | undefined {
  const listed = (kind: string, what: string) => skips.find((skip) => skip.kind === kind && skip.what === what)?.reason;
  if (error instanceof UnsupportedOpError) {
    const ops = error.unsupported.map(({ op, reason }) => (reason === "has no kernel" ? listed("op", op) : undefined));
    return ops.find((reason) => reason !== undefined);
  }
  const type = /has element type (\d+), which is not numeric$/.exec(error.message)?.[1];
  return type === undefined ? undefined : listed("type", type);
}

let gradients: Map<string, GradientEntry> | undefined;

function gradientOf({ suite, name }: SuiteCase): GradientEntry | undefined {
  const path = `${sharedData}/onnx-gradients/index.json`;
  gradients ??= new Map((existsSync(path) ? readJson<GradientEntry[]>(path) : []).map((entry) => [`${entry.suite}/${entry.test}`, entry]));
  return gradients.get(`${suite}/${name}`);
}

function readTensor(path: string): NamedTensor {
  const proto = onnxProto.onnx.TensorProto.decode(readFileSync(path));
  return { ...decodeTensor(proto, path), name: proto.name ?? "", onnxType: proto.dataType ?? 0 };
}

interface LoadedCase {
  readonly bytes: Uint8Array;
  readonly proto: onnx.IModelProto;
  /** By input name. */
  readonly inputs: ReadonlyMap<string, NamedTensor>;
  readonly outputs: readonly NamedTensor[];
}

function loadCase({ suite, name }: SuiteCase): LoadedCase {
  const at = `${folder}/${suite}/${name}`;
  const bytes = new Uint8Array(readFileSync(suite === "light" ? `${at}.onnx` : `${at}/model.onnx`));
  const proto = decodeModel(bytes);
  const names = (proto.graph!.input ?? []).map((input) => input.name!);
  if (suite === "light") return { bytes, proto, inputs: lightInputs(proto), outputs: [readTensor(`${at}_output_0.pb`)] };
  const files = (kind: string) =>
    readdirSync(`${at}/test_data_set_0`)
      .filter((file) => file.startsWith(kind))
      .sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)))
      .map((file) => readTensor(`${at}/test_data_set_0/${file}`));
  const initialised = new Set((proto.graph!.initializer ?? []).map((initializer) => initializer.name));
  const given = files("input");
  const asked = given.length === names.length ? names : names.filter((input) => !initialised.has(input));
  return { bytes, proto, inputs: new Map(given.map((tensor, i) => [asked[i]!, tensor])), outputs: files("output") };
}

/**
 * The light graphs' expected outputs belong to the input 0, 1, …, n − 1 divided by n (onnx backend test suite, light). All
 * weights of a layer are equal there, so all logits are, and the derivative of their softmax is 0: nothing but rounding could
 * be compared.
 */
function lightInputs(proto: onnx.IModelProto): Map<string, NamedTensor> {
  const initialised = new Set((proto.graph!.initializer ?? []).map((initializer) => initializer.name));
  return new Map(
    (proto.graph!.input ?? [])
      .filter(({ name }) => !initialised.has(name))
      .map((input) => {
        const shape = (input.type!.tensorType!.shape!.dim ?? []).map((dim) => toNumber(dim.dimValue) || 1);
        const n = sizeOf(shape);
        return [
          input.name!,
          { name: input.name!, shape, type: "float" as const, onnxType: 1, data: Float32Array.from({ length: n }, (_, i) => i / n) },
        ];
      }),
  );
}

/** What a file leaves open is bound to the extents that its test data have. */
function openExtents(loaded: LoadedCase): { dimensions: Record<string, number> } {
  const dimensions: Record<string, number> = {};
  for (const input of loaded.proto.graph!.input ?? []) {
    const shape = loaded.inputs.get(input.name!)?.shape;
    (input.type?.tensorType?.shape?.dim ?? []).forEach((dim, axis) => {
      if (!shape || toNumber(dim.dimValue) > 0) return;
      dimensions[dim.dimParam || `axis ${axis}`] = shape[axis]!;
    });
  }
  return { dimensions };
}

const constantsOf = (loaded: LoadedCase, names: Iterable<string>): Record<string, ConstantTensor> =>
  Object.fromEntries([...names].map((name) => [name, loaded.inputs.get(name)!]));

/** Element types that an input of a network may have; smaller floats are weights, bound to constants as integers are. */
const NETWORK_FLOATS = new Set([1, 10, 11, 16]);
const isFloat = (tensor: NamedTensor) => NETWORK_FLOATS.has(tensor.onnxType);

/** Runs a case. Never throws: what goes wrong is the outcome. */
export async function runCase(engine: Engine, entry: SuiteCase): Promise<Outcome> {
  const reason = skipReason(entry);
  if (reason) return { status: "skipped", reason };
  try {
    return await checkCase(engine, entry);
  } catch (error) {
    const { name, message } = error as Error;
    const excused = excuse(error as Error);
    if (excused) return { status: "skipped", reason: excused };
    return { status: "failed", reason: `${name}: ${message}` };
  }
}

async function checkCase(engine: Engine, entry: SuiteCase): Promise<Outcome> {
  const loaded = loadCase(entry);
  if (loaded.outputs.some(({ shape }) => sizeOf(shape) === 0)) throw new Error("an output without elements");
  const free = [...loaded.inputs].filter(([, tensor]) => isFloat(tensor) && sizeOf(tensor.shape) > 0).map(([name]) => name);
  const attempts = free.length === 0 ? [free] : free.length > 1 ? [free, free.slice(0, 1), []] : [free, []];
  let refusal: unknown;
  for (const names of attempts) {
    const constants = constantsOf(
      loaded,
      [...loaded.inputs.keys()].filter((name) => !names.includes(name)),
    );
    const options = { constants, ...openExtents(loaded) };
    try {
      const folded = names.length === 0 ? foldedOutputs(loaded, options) : undefined;
      if (folded) {
        loaded.outputs.forEach((expected, i) => compare(folded[i]!.data!, folded[i]!.shape, expected, `output ${i}`));
        return { status: "passed", folded: true, vjp: 0, jvp: 0 };
      }
      using model = await engine.load(loaded.bytes, { ...options, name: entry.name });
      await checkForward(model, loaded, names);
      if (entry.suite === "light") return { status: "passed", folded: false, vjp: 0, jvp: 0 }; // See lightInputs.
      return { status: "passed", folded: false, ...(await checkDerivatives(model, loaded, names, entry)) };
    } catch (error) {
      if (!(error instanceof UnsupportedOpError)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** The outputs of a model of constants only; undefined where some need the GPU. */
function foldedOutputs(loaded: LoadedCase, options: object): Value[] | undefined {
  const { graph } = importModel(loaded.proto, options);
  const sources = graph.outputs.map((output) => graph.nodes.find(({ outputs }) => outputs.includes(output))!.inputs[0]!);
  return sources.every(({ data }) => data) ? sources : undefined;
}

/** A sample as Model takes it: one, without a batch axis of extent 1 of its own. */
const asSample = ({ shape, data }: DecodedTensor): NdArray => ({
  shape: shape[0] === 1 ? shape : [1, ...shape],
  data: Float32Array.from(data),
});

async function checkForward(model: Model, loaded: LoadedCase, free: readonly string[]): Promise<void> {
  const found = await model.run(Object.fromEntries(free.map((name) => [name, asSample(loaded.inputs.get(name)!)])));
  loaded.outputs.forEach((expected, i) => {
    const { data, shape } = found[model.outputs[i]!.name]!;
    compare(data, expected.shape[0] === 1 ? shape : shape.slice(1), expected, `output ${i}`);
  });
}

/** |found − expected| ≤ tolerance · (1 + |expected|), the terms being measured on the output's own scale where it is small. */
function compare(
  found: ArrayLike<number>,
  shape: readonly number[],
  expected: NamedTensor,
  what: string,
  tolerance = TOLERANCE_BY_TYPE[expected.onnxType] ?? TOLERANCE,
): void {
  if (shape.join() !== expected.shape.join()) throw new Error(`${what} has shape [${shape}], expected [${expected.shape}]`);
  const finite = Array.from(expected.data).filter(Number.isFinite);
  const scale = Math.min(
    1,
    finite.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
  );
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [found[i]!, expected.data[i]!];
    if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (!(Math.abs(a - b) <= tolerance * (scale + Math.abs(b)))) throw new Error(`${what} at ${i} is ${a}, expected ${b}`);
  }
}

async function checkDerivatives(
  model: Model,
  loaded: LoadedCase,
  free: readonly string[],
  entry: SuiteCase,
): Promise<{ vjp: number; jvp: number; note?: string }> {
  const reference = gradientOf(entry);
  const names = (loaded.proto.graph!.input ?? []).map((input) => input.name!).filter((name) => loaded.inputs.has(name));
  let [vjp, jvp] = [0, 0];
  let note: string | undefined;
  for (const input of free) {
    const x = asSample(loaded.inputs.get(input)!);
    const inputs = Object.fromEntries(free.map((name) => [name, asSample(loaded.inputs.get(name)!)]));
    const at = names.indexOf(input);
    if (reference?.inputs.includes(at) && reference.finite) {
      const expected = readTensor(`${sharedData}/onnx-gradients/${entry.name}/grad_input_${at}.pb`);
      const sum = new Float64Array(sizeOf(expected.shape));
      for (const output of reference.outputs) {
        const cotangent = asSample(readTensor(`${sharedData}/onnx-gradients/${entry.name}/cotangent_output_${output}.pb`));
        using tensor = await model.vjp(x, cotangent, { input, inputs, output: model.outputs[output]!.name });
        (await tensor.read()).data.forEach((value, i) => (sum[i]! += value));
      }
      try {
        compare(
          sum,
          expected.shape,
          { ...expected, onnxType: 1 },
          `gradient of input ${at}`,
          TOLERANCE_BY_TYPE[loaded.inputs.get(input)!.onnxType],
        );
        vjp++;
      } catch (error) {
        if (!reference.nonsmooth_point) throw error;
        note = "at a kink: another subgradient than the reference's";
      }
    }
    for (const [i, output] of model.outputs.entries()) {
      if (!isFloat(loaded.outputs[i]!)) continue;
      const [tangent, cotangent] = [randomArray(x.shape, 3 + i), randomArray([1, ...output.shape], 5 + i)];
      using adjoint = await model.vjp(x, cotangent, { input, inputs, output: output.name });
      using moved = await model.jvp(x, tangent, { input, inputs, output: output.name });
      const [left, right] = [product((await moved.read()).data, cotangent.data), product(tangent.data, (await adjoint.read()).data)];
      if (Number.isNaN(left.sum) && Number.isNaN(right.sum)) continue; // Where the derivative is infinite or undefined.
      if (!Number.isFinite(left.terms) && !Number.isFinite(right.terms)) continue;
      // Where a derivative is 0, one side may be the rounding of terms that cancel.
      const rounding = 2 ** -24 * tangent.data.reduce((sum, v) => sum + Math.abs(v), 0);
      const bound = TOLERANCE * Math.max(left.terms, right.terms) + rounding;
      if (!(Math.abs(left.sum - right.sum) <= bound))
        throw new Error(`⟨Jv, u⟩ = ${left.sum} but ⟨v, Jᵀu⟩ = ${right.sum}, output ${i} by input "${input}"`);
      jvp++;
    }
  }
  return { vjp, jvp, ...(note && { note }) };
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): { sum: number; terms: number } {
  let [sum, terms] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    sum += a[i]! * b[i]!;
    terms += Math.abs(a[i]! * b[i]!);
  }
  return { sum, terms };
}

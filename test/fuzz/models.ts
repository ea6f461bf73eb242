/** Damage to the structure of a model: what a file that is valid protobuf can still ask for. */
import onnxProto from "onnx-proto";
import type { onnx } from "onnx-proto";
import type { Choices } from "./random.ts";

const { ModelProto } = onnxProto.onnx;

type Change = (model: onnx.IModelProto, graph: onnx.IGraphProto, choose: Choices) => void;

/** int64 as protobufjs takes it: doubles, and what they do not hold as two words. */
const long = (low: number, high: number) => ({ low, high, unsigned: false }) as unknown as number;
const EXTENTS = [
  -1,
  0,
  1,
  2,
  3,
  7,
  64,
  1000,
  65_536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  -(2 ** 31),
  long(-1, 2 ** 31 - 1),
  long(1, 2 ** 21),
];
const FLOATS = [0, -0, 1, -1, 0.5, 1e-30, 1e30, 3.4e38, NaN, Infinity, -Infinity];
const NAMES = ["", "x", "y", "__proto__", "constructor", "toString", "\u0000", "a".repeat(5000), "../../etc/passwd", "ä✓𝄞"];
const OPS = [
  ..."Abs Add And ArgMax AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv ConvTranspose CumSum".split(" "),
  ..."DepthToSpace Div Dropout Einsum Equal Expand EyeLike Flatten Gather GatherElements GatherND Gemm GlobalAveragePool".split(" "),
  ..."GroupNormalization GridSample Identity If InstanceNormalization LRN LSTM LayerNormalization Loop MatMul Max MaxPool".split(" "),
  ..."Mod Mul NonZero OneHot Pad Pow QuantizeLinear Range ReduceMax ReduceSum Relu Reshape Resize Scan ScatterND Shape Size".split(" "),
  ..."Slice Softmax SpaceToDepth Split Squeeze Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor Attention Nonsense".split(" "),
];
const ATTRIBUTES = [
  ..."alpha axis axes beta block_size blocksize ceil_mode count_include_pad dilations dtype epsilon equation group keepdims".split(" "),
  ..."kernel_shape mode output_padding output_shape pads perm scales size split strides to transA transB upper value value_ints".split(" "),
  ..."auto_pad num_groups num_heads num_outputs storage_order start end k largest sorted nonsense".split(" "),
];

const tensorsOf = (graph: onnx.IGraphProto): onnx.ITensorProto[] => [
  ...(graph.initializer ?? []),
  ...(graph.node ?? []).flatMap(({ attribute }) => (attribute ?? []).flatMap(({ t }) => (t ? [t] : []))),
];
const namesOf = (graph: onnx.IGraphProto): string[] => [
  ...(graph.input ?? []).map(({ name }) => name ?? ""),
  ...(graph.initializer ?? []).map(({ name }) => name ?? ""),
  ...(graph.node ?? []).flatMap(({ output }) => output ?? []),
];

/** Runs a change on one of a list, where there is one. */
function one<T>(list: readonly T[] | null | undefined, choose: Choices, change: (item: T) => void): void {
  if (list && list.length > 0) change(choose.of(list));
}

function attributeOf(choose: Choices): onnx.IAttributeProto {
  const name = choose.of(ATTRIBUTES);
  const count = choose.of([0, 1, 2, 3, 4, 5, 8, 17, 2000]);
  switch (choose.int(0, 7)) {
    case 0:
      return { name, type: 2, i: choose.of(EXTENTS) };
    case 1:
      return { name, type: 1, f: choose.of(FLOATS) };
    case 2:
      return { name, type: 7, ints: Array.from({ length: count }, () => choose.of(EXTENTS)) };
    case 3:
      return { name, type: 6, floats: Array.from({ length: count }, () => choose.of(FLOATS)) };
    case 4:
      return { name, type: 3, s: new TextEncoder().encode(choose.of([...NAMES, "SAME_UPPER", "VALID", "reflect", "ij,jk->ik"])) };
    case 5:
      return { name, type: 4, t: tensorOf("t", choose) };
    case 6:
      return { name, type: 8, strings: [new Uint8Array([255, 254])] };
    default:
      return { name, type: choose.int(0, 20) };
  }
}

function tensorOf(name: string, choose: Choices): onnx.ITensorProto {
  const count = choose.int(0, 4);
  const dims = Array.from({ length: choose.onceIn(3) ? choose.int(0, 70) : 1 }, (_, i) => (i === 0 ? count : 1));
  const values = Array.from({ length: count }, () => choose.of(EXTENTS));
  if (choose.onceIn(2)) return { name, dims, dataType: 7, int64Data: values };
  return { name, dims, dataType: 1, floatData: values.map(() => choose.of(FLOATS)) };
}

const changes: readonly Change[] = [
  function extentOfInput(_, { input }, choose) {
    one(input, choose, ({ type }) => {
      one(type?.tensorType?.shape?.dim, choose, (dim) => {
        if (choose.onceIn(4)) Object.assign(dim, { dimValue: undefined, dimParam: choose.of(["N", "?", "height", ...NAMES]) });
        else Object.assign(dim, { dimParam: undefined, dimValue: choose.of(EXTENTS) });
      });
    });
  },
  function rankOfInput(_, { input }, choose) {
    one(input, choose, ({ type }) => {
      const dim = type?.tensorType?.shape?.dim;
      if (choose.onceIn(2)) dim?.pop();
      else for (let i = choose.of([1, 2, 100]); i > 0; i--) dim?.push({ dimValue: choose.of([1, 2]) });
    });
  },
  function typeOfInput(_, { input }, choose) {
    one(input, choose, ({ type }) => type?.tensorType && (type.tensorType.elemType = choose.int(0, 30)));
  },
  function dimsOfTensor(_, graph, choose) {
    one(tensorsOf(graph), choose, (tensor) => {
      const dims = tensor.dims ?? [];
      if (choose.onceIn(3)) tensor.dims = [...dims, choose.of(EXTENTS)];
      else if (dims.length > 0) dims[choose.int(0, dims.length - 1)] = choose.of(EXTENTS);
    });
  },
  function typeOfTensor(_, graph, choose) {
    one(tensorsOf(graph), choose, (tensor) => (tensor.dataType = choose.int(0, 30)));
  },
  function dataOfTensor(_, graph, choose) {
    one(tensorsOf(graph), choose, (tensor) => {
      const { rawData } = tensor;
      if (rawData && choose.onceIn(2)) tensor.rawData = rawData.subarray(0, choose.int(0, rawData.length));
      else if (choose.onceIn(2)) Object.assign(tensor, { rawData: new Uint8Array(), floatData: [choose.of(FLOATS)] });
      else
        Object.assign(tensor, { rawData: new Uint8Array(), int64Data: Array.from({ length: choose.int(0, 5) }, () => choose.of(EXTENTS)) });
    });
  },
  function externalTensor(_, graph, choose) {
    one(tensorsOf(graph), choose, (tensor) => {
      const location = choose.of([
        "weights.bin",
        "link.bin",
        "folder",
        "folder/inside.bin",
        "missing.bin",
        "/etc/hostname",
        "..\\x",
        "C:x",
        "http://x",
        ...NAMES,
      ]);
      const number = () => choose.of(["0", "4", "-1", "1e3", "99999999999999", "9".repeat(30), "x", ""]);
      const entries = [{ key: "location", value: location }];
      if (choose.onceIn(2)) entries.push({ key: "offset", value: number() });
      if (choose.onceIn(2)) entries.push({ key: "length", value: number() });
      Object.assign(tensor, { rawData: new Uint8Array(), floatData: [], dataLocation: 1, externalData: entries });
    });
  },
  function opOfNode(_, { node }, choose) {
    one(node, choose, (item) => (item.opType = choose.of(OPS)));
  },
  function attributeOfNode(_, { node }, choose) {
    one(node, choose, (item) => (item.attribute = [...(item.attribute ?? []), attributeOf(choose)]));
  },
  function valueOfAttribute(_, { node }, choose) {
    one(node, choose, ({ attribute }) =>
      one(attribute, choose, (item) => {
        const { name } = item;
        if (item.ints?.length && choose.onceIn(2)) item.ints[choose.int(0, item.ints.length - 1)] = choose.of(EXTENTS);
        else if (item.ints?.length) item.ints = choose.onceIn(2) ? item.ints.slice(1) : [...item.ints, choose.of(EXTENTS)];
        else if (Number(item.type) === 2) item.i = choose.of(EXTENTS);
        else Object.assign(item, attributeOf(choose), { name });
      }),
    );
  },
  function inputOfNode(_, graph, choose) {
    one(graph.node, choose, (item) => {
      const name = choose.onceIn(5) ? choose.of(NAMES) : choose.of([...namesOf(graph), "dangling"]);
      const inputs = item.input ?? [];
      if (choose.onceIn(3)) item.input = [...inputs, name];
      else if (inputs.length > 0) inputs[choose.int(0, inputs.length - 1)] = name;
    });
  },
  function outputOfNode(_, graph, choose) {
    one(graph.node, choose, (item) => {
      if (choose.onceIn(3)) item.output = [...(item.output ?? []), choose.of([...namesOf(graph), ...NAMES])];
      else item.output = [choose.of([...namesOf(graph), ...NAMES])];
    });
  },
  function nodeRemoved(_, { node }, choose) {
    if (node && node.length > 0) node.splice(choose.int(0, node.length - 1), 1);
  },
  function nodesMoved(_, { node }, choose) {
    if (node && node.length > 1) node.push(...node.splice(choose.int(0, node.length - 1), 1));
  },
  function nodeRepeated(_, { node }, choose) {
    one(node, choose, (item) => {
      const times = choose.of([1, 30]);
      // Branches are megabytes already.
      for (let i = item.attribute?.some(({ g }) => g) ? 1 : times; i > 0; i--)
        node!.push({ ...item, output: [`${item.output?.[0]}${choose.onceIn(2) ? i : ""}`] });
    });
  },
  function nodeAdded(_, graph, choose) {
    const names = namesOf(graph);
    const inputs = Array.from({ length: choose.int(0, 4) }, () => choose.of([...names, ""]));
    const name = `added ${choose.int(0, 5)}`;
    graph.node = [...(graph.node ?? []), { opType: choose.of(OPS), input: inputs, output: [name], attribute: [attributeOf(choose)] }];
    graph.output = [{ name }];
  },
  function constantAdded(_, graph, choose) {
    const name = `constant ${choose.int(0, 5)}`;
    graph.initializer = [...(graph.initializer ?? []), tensorOf(name, choose)];
    one(graph.node, choose, (item) => (item.input = [...(item.input ?? []), name]));
  },
  function outputOfGraph(_, graph, choose) {
    graph.output = [...(graph.output ?? []), { name: choose.of([...namesOf(graph), ...NAMES]) }];
  },
  function inputOfGraph(_, graph, choose) {
    one(graph.input, choose, (item) => (graph.input = [...graph.input!, choose.onceIn(2) ? item : { ...item, name: choose.of(NAMES) }]));
  },
  function opset(model, _, choose) {
    const version = choose.of([0, -1, 1, 5, 6, 12, 13, 22, 1000, 2 ** 31]);
    const entry = { domain: choose.of(["", "", "ai.onnx", "com.microsoft", "other"]), version };
    model.opsetImport = choose.onceIn(3) ? [] : [...(model.opsetImport ?? []), entry];
  },
  function subgraph(_, graph, choose) {
    // Without nodes that have branches, or a second change of this kind would make megabytes.
    const plain = (graph.node ?? []).filter(({ attribute }) => !attribute?.some(({ g }) => g));
    let inner: onnx.IGraphProto = { name: "inner", node: plain.slice(0, 3), output: (graph.output ?? []).slice(0, 1) };
    for (let depth = choose.of([0, 1, 50, 400]); depth > 0; depth--) {
      const attribute = ["then_branch", "else_branch"].map((name) => ({ name, type: 5, g: inner }));
      inner = {
        name: "if",
        node: [{ opType: "If", input: ["x"], output: ["z"], attribute: attribute.slice(0, depth > 4 ? 1 : 2) }],
        output: [{ name: "z" }],
      };
    }
    const branches = ["then_branch", "else_branch", "body"].map((name) => ({ name, type: 5, g: inner }));
    const input = [choose.of([...namesOf(graph), "true"])];
    graph.initializer = [...(graph.initializer ?? []), { name: "true", dims: [], dataType: 9, int32Data: [1] }];
    graph.node = [...(graph.node ?? []), { opType: choose.of(["If", "Loop", "Scan"]), input, output: ["branched"], attribute: branches }];
    graph.output = [{ name: "branched" }];
  },
  function functions(model, graph, choose) {
    const depth = choose.of([1, 3, 20, 60]);
    const calls = choose.of([1, 2, 2, 5]);
    const circular = choose.onceIn(3);
    model.opsetImport = [...(model.opsetImport ?? []), { domain: "own", version: 1 }];
    model.functions = Array.from({ length: depth }, (_, i) => {
      const next = i + 1 < depth ? `F${i + 1}` : circular ? "F0" : undefined;
      const node = Array.from({ length: calls }, (_, k): onnx.INodeProto => {
        const ends = { input: [k === 0 ? "a" : `t${k - 1}`], output: [k + 1 === calls ? "b" : `t${k}`] };
        return next ? { opType: next, domain: "own", ...ends } : { opType: "Relu", ...ends };
      });
      return { name: `F${i}`, domain: "own", input: ["a"], output: ["b"], node, opsetImport: model.opsetImport };
    });
    graph.node = [...(graph.node ?? []), { opType: "F0", domain: "own", input: [choose.of(namesOf(graph))], output: ["called"] }];
    graph.output = [{ name: "called" }];
  },
  function without(model, graph, choose) {
    const from: Record<string, unknown> = choose.onceIn(4) ? (model as never) : (graph as never);
    const keys = Object.keys(from).filter((key) => from[key] !== undefined);
    if (keys.length > 0) delete from[choose.of(keys)];
  },
];

/** A model with one to four changes of its structure; undefined where the changes leave nothing that can be written. */
export function restructured(sample: Uint8Array, choose: Choices): Uint8Array | undefined {
  const model = ModelProto.decode(sample) as onnx.IModelProto;
  for (let i = choose.int(1, 4); i > 0; i--) {
    if (!model.graph) break;
    choose.of(changes)(model, model.graph, choose);
  }
  try {
    return ModelProto.encode(model).finish();
  } catch {
    return undefined;
  }
}

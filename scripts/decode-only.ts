/**
 * The packages onnx-proto and protobufjs, as far as reading a model needs them. The generated code of onnx-proto can also
 * encode, verify, and convert from and to plain objects: nine tenths of its bytes, which a page would download for nothing.
 * Bundles get the messages that a ModelProto may hold, and of each its fields' defaults and decode(), word for word as
 * generated; and of protobufjs its Reader, with the few helpers that it calls. test/unit/tooling/decode-only.test.ts compares
 * both decoders.
 */
import { parseAst } from "vite";
import type { Plugin } from "vite";

/** What the generated code is made of, in the terms of ESTree, as far as it is looked at here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly body?: Node | readonly Node[];
  readonly expression?: Node;
  readonly left?: Node;
  readonly right?: Node;
  readonly callee?: Node;
  readonly id?: { readonly name: string };
}

const ROOT_MESSAGE = "onnx.ModelProto";

interface Message {
  /** As in the generated code: onnx.TensorShapeProto.Dimension. */
  readonly name: string;
  /** The constructor's statements, without what takes the properties of another object. */
  readonly lists: readonly string[];
  readonly defaults: readonly string[];
  readonly decode: string;
}

const statementsOf = (node: Node | readonly Node[] | undefined): readonly Node[] =>
  node === undefined ? [] : Array.isArray(node) ? (node as readonly Node[]) : statementsOf((node as Node).body);

/** The messages of a block of generated code: every assignment "outer.Name = (function() { … })()" whose function decodes. */
function messagesOf(code: string, statements: readonly Node[], path: string): Message[] {
  const text = ({ start, end }: Node) => code.slice(start, end);
  return statements.flatMap(({ expression }) => {
    if (expression?.type !== "AssignmentExpression" || expression.right?.type !== "CallExpression") return [];
    const own = text(expression.left!).split(".").at(-1)!;
    const name = path ? `${path}.${own}` : own;
    const inside = statementsOf(expression.right.callee?.body ?? expression.right.callee?.expression?.body);
    const assigned = inside.flatMap((statement) =>
      statement.expression?.type === "AssignmentExpression"
        ? [[text(statement.expression.left!), statement.expression.right!] as const]
        : [],
    );
    const decode = assigned.find(([left]) => left === `${own}.decode`)?.[1];
    const constructor = inside.find(({ type, id }) => type === "FunctionDeclaration" && id?.name === own);
    const lists = statementsOf(constructor?.body).filter((statement) => statement.expression?.type === "AssignmentExpression");
    const prefix = `${own}.prototype.`;
    const defaults = assigned.filter(([left, { type }]) => left.startsWith(prefix) && type !== "FunctionExpression");
    const message = decode && {
      name,
      decode: text(decode),
      lists: lists.map(text),
      defaults: defaults.map(([left, right]) => `${left.slice(prefix.length)}: ${text(right)}`),
    };
    return [...(message ? [message] : []), ...messagesOf(code, inside, name)];
  });
}

/** An ES module that exports what onnx-proto does, cut down to decoding a ModelProto. `code` is onnx-proto/dist/onnx.js. */
export function decodeOnly(code: string): string {
  const program = parseAst(code) as unknown as Node;
  const all = new Map(messagesOf(code, statementsOf(program), "").map((message) => [message.name.replace(/^\$root\./, ""), message]));
  const wanted = new Set([ROOT_MESSAGE]);
  for (const name of wanted) {
    const message = all.get(name);
    if (!message) throw new Error(`onnx-proto has no ${name}, or is no longer built as scripts/decode-only.ts expects`);
    for (const [, used] of message.decode.matchAll(/\$root\.([\w.]+)\.decode\(/g)) wanted.add(used!);
  }
  const source = (name: string) => {
    const { lists, decode, defaults } = all.get(name)!;
    return [
      `$root.${name} = function () { ${lists.join(" ")} };`,
      `Object.assign($root.${name}.prototype, { ${defaults.join(", ")} });`,
      `$root.${name}.decode = ${decode};`,
    ].join("\n");
  };
  // Outer messages before those inside them.
  const names = [...wanted].sort((a, b) => a.split(".").length - b.split(".").length);
  const text = [
    `import $Reader from "protobufjs/src/reader.js";`,
    `$Reader._configure({ _configure() {} });`,
    `const $util = { emptyArray: Object.freeze([]), newBuffer: (list) => Uint8Array.from(list) };`,
    `const $root = { onnx: {} };`,
    ...names.map(source),
    `export default $root;`,
  ].join("\n");
  const helpers = new Set([...text.matchAll(/\$(?:util|protobuf|Writer)\b\.?\w*/g)].map(([found]) => found));
  const known = ["$util", "$util.emptyArray", "$util.newBuffer", "$util.Long"];
  const unknown = [...helpers].filter((helper) => !known.includes(helper));
  if (unknown.length > 0) throw new Error(`onnx-proto's decoders use ${unknown.join(", ")}, which scripts/decode-only.ts does not provide`);
  return text;
}

/**
 * What protobufjs/src/reader.js takes from util/minimal. Where `Long` is missing it makes int64 a double, which Nudge expects
 * (src/runtime/onnx/decode.ts); and a page is spared the WebAssembly module that the package `long` starts, which a strict
 * content security policy forbids.
 */
const MINIMAL = `
let view, viewed;
const at = (buffer) => {
  if (viewed !== buffer) [view, viewed] = [new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength), buffer];
  return view;
};
const text = new TextDecoder("utf-8", { ignoreBOM: true });
exports.Array = Uint8Array;
exports.merge = Object.assign;
exports.recursionLimit = 100;
exports.utf8 = { read: (buffer, start, end) => text.decode(buffer.subarray(start, end)) };
exports.float = {
  readFloatLE: (buffer, pos) => at(buffer).getFloat32(pos, true),
  readDoubleLE: (buffer, pos) => at(buffer).getFloat64(pos, true),
};
exports.LongBits = class {
  constructor(lo, hi) {
    this.lo = lo >>> 0;
    this.hi = hi >>> 0;
  }
  toNumber(unsigned) {
    return (unsigned ? this.hi : this.hi | 0) * 2 ** 32 + this.lo;
  }
};
`;

export function decodeOnlyOnnx(): Plugin {
  const minimal = "\0nudge:protobuf-minimal.cjs";
  return {
    name: "nudge:decode-only",
    enforce: "pre",
    resolveId: {
      filter: { id: /^\.\/util\/minimal$/ },
      handler: (_id, importer) => (importer && /protobufjs\/src\/reader\.js/.test(importer) ? minimal : undefined),
    },
    load: { filter: { id: /nudge:protobuf-minimal\.cjs$/ }, handler: () => MINIMAL },
    transform: {
      filter: { id: /onnx-proto\/dist\/onnx\.js$/ },
      handler: (code) => ({ code: decodeOnly(code), map: null, moduleType: "js" }),
    },
  };
}

// What a page needs of onnx-proto and protobufjs to read a model, cut out of the installed packages when a bundle is made.
//
// onnx-proto's module is 26 kB compressed: it also encodes, checks and converts, and knows messages that Nudge has no use for;
// and it brings protobufjs's writer, base64, event emitter and more. Two modules come of it:
//
//   virtual:onnx-proto   onnx-proto's functions `decode` of the messages in READ, with the cases of the fields named there
//   virtual:protobufjs   the class Reader of protobufjs, with the methods that these call
//
// All else of their text stays as the packages have it, but for four things. A message begins with reader.enter() and ends with
// reader.leave(), and a packed list with reader.list(), which bound them (src/runtime/onnx/reader.ts). A case is chosen by the field
// and its wire type, so that a field of another type is passed over and not misread. Fields that a file leaves out are missing,
// without empty lists and default values. And int64 is a double, as protobufjs reads it where the package `long` is absent.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseAst, Visitor } from "vite";

/** Messages and fields that Nudge looks at. */
const READ = {
  ModelProto: ["graph", "opsetImport", "functions"],
  GraphProto: ["node", "name", "initializer", "input", "output", "valueInfo"],
  NodeProto: ["input", "output", "name", "opType", "attribute", "domain"],
  AttributeProto: ["name", "f", "i", "s", "t", "g", "floats", "ints", "strings", "type", "refAttrName"],
  TensorProto: [
    ...["dims", "dataType", "floatData", "int32Data", "int64Data", "name", "rawData", "doubleData", "uint64Data"],
    ...["externalData", "dataLocation"],
  ],
  ValueInfoProto: ["name", "type"],
  TypeProto: ["tensorType"],
  "TypeProto.Tensor": ["elemType", "shape"],
  TensorShapeProto: ["dim"],
  "TensorShapeProto.Dimension": ["dimValue", "dimParam"],
  FunctionProto: ["name", "input", "output", "attribute", "node", "opsetImport", "domain"],
  OperatorSetIdProto: ["domain", "version"],
  StringStringEntryProto: ["key", "value"],
};

/** The wire types of what the methods of Reader read; a nested message is of LENGTH_DELIMITED. */
const WIRE = { int32: 0, int64: 0, uint32: 0, uint64: 0, double: 1, string: 2, bytes: 2, float: 5 };
const LENGTH_DELIMITED = 2;

/** Methods of protobufjs's Reader that are kept; ModelReader has string(), float() and double() of the platform's making. */
const METHODS = ["_slice", "uint32", "int32", "int64", "uint64", "bytes", "skip", "skipType"];

const require = createRequire(import.meta.url);
const textOf = (path) => readFileSync(require.resolve(path), "utf8");
const slice = (text, { start, end }) => text.slice(start, end);

/**
 * A Vite plugin: makes the two modules. In a build their ids lie in the packages, by which Vite knows the licences to collect; a
 * server would take modules there for ready-made ones.
 */
export function onnxDecoder() {
  const modules = [
    { name: "virtual:onnx-proto", id: `${require.resolve("onnx-proto")}?decode`, make: decoders },
    { name: "virtual:protobufjs", id: `${require.resolve("protobufjs/src/reader")}?reader`, make: reader },
  ];
  let building = true;
  const idOf = ({ name, id }) => (building ? id : `\0${name}`);
  return {
    name: "nudge:onnx-decoder",
    enforce: "pre",
    configResolved: ({ command }) => void (building = command === "build"),
    resolveId(source) {
      const module = modules.find(({ name }) => name === source);
      return module && idOf(module);
    },
    load(id) {
      const code = modules.find((module) => idOf(module) === id)?.make();
      return code && { code, map: null, moduleSideEffects: false };
    },
  };
}

/** One function for each message in READ, `TypeProto_Tensor` for TypeProto.Tensor. */
function decoders() {
  const text = textOf("onnx-proto");
  const made = new Map();
  new Visitor({
    AssignmentExpression({ left, right }) {
      if (left.type !== "MemberExpression" || left.property.name !== "decode" || right.type !== "FunctionExpression") return;
      const message = /message = new \$root\.onnx\.([\w.]+)\(\)/.exec(slice(text, right))[1];
      if (READ[message]) made.set(message, decoder(message, text, right.body));
    },
  }).visit(parseAst(text));
  const absent = Object.keys(READ).filter((message) => !made.has(message));
  if (absent.length > 0) throw new Error(`onnx-proto has no ${absent.join(", ")}`);
  return [...made.values()].join("\n");
}

const functionName = (message) => message.replace(".", "_");

function decoder(message, text, body) {
  const loop = body.body.find(({ type }) => type === "WhileStatement");
  const choice = loop.body.body.find(({ type }) => type === "SwitchStatement");
  const cases = choice.cases.map(({ test, consequent }) => ({
    number: test?.value,
    code: consequent.map((part) => slice(text, part)).join("\n"),
  }));
  const kept = READ[message].map((field) => {
    const found = cases.find(({ code }) => code.includes(`message.${field} = `));
    if (!found) throw new Error(`onnx-proto's ${message} has no ${field}`);
    return readCase(found);
  });
  return `export function ${functionName(message)}(reader, length) {
    var end = reader.enter(length), message = {};
    while (reader.pos < end) {
        var tag = reader.uint32();
        switch (tag) {
        ${kept.join("\n")}
        default:
            ${cases.find(({ number }) => number === undefined).code}
        }
    }
    reader.leave();
    return message;
}`;
}

/** The case of a field, chosen by its number and its wire type. */
function readCase({ number, code }) {
  const nested = code.includes("$root.onnx.");
  const wire = nested ? LENGTH_DELIMITED : WIRE[/reader\.(\w+)\(\)\)?;\s*break;$/.exec(code)[1]];
  const wires = code.includes("(tag & 7) === 2") ? [LENGTH_DELIMITED, wire] : [wire];
  const bounded = code.replace("reader.uint32() + reader.pos", "reader.list()");
  const calls = bounded.replace(/\$root\.onnx\.([\w.]+)\.decode\(/g, (_, message) => `${functionName(message)}(`);
  return wires.map((type) => `case ${(number << 3) | type}:`).join(" ") + calls;
}

/** The class Reader, whole or not at all: a bundle that reads no models drops it. */
function reader() {
  const longBits = keptStatements(textOf("protobufjs/src/util/longbits"), ["toNumber"], ["LongBits"]);
  const functions = ["Reader", "indexOutOfRange", "readVarint32NearEnd", "readLongVarint"];
  const code = keptStatements(textOf("protobufjs/src/reader"), [...METHODS, "recursionLimit"], functions);
  return `export const Reader = /* @__PURE__ */ (() => {
${longBits}
const util = { Array: Uint8Array, recursionLimit: 100 };
${code}
return Reader;
})();`;
}

/** The functions and the assignments to members that are named, of a module's text. */
function keptStatements(text, members, functions) {
  const kept = [];
  for (const statement of parseAst(text).body) {
    const { left, right } = statement.expression ?? {};
    const member = left && /^[A-Z]\w+(?:\.prototype)?\.(\w+)$/.exec(slice(text, left))?.[1];
    if (statement.type === "FunctionDeclaration" && functions.includes(statement.id.name)) kept.push(slice(text, statement));
    else if (member === "_configure") kept.push(...configured(text, right, members));
    else if (members.includes(member)) kept.push(slice(text, statement));
  }
  return kept.join("\n");
}

/** The methods that Reader gets when it is configured, for doubles in place of the package `long`. */
function configured(text, configure, members) {
  const methods = configure.body.body.flatMap(({ expression }) => expression?.arguments?.[1]?.properties ?? []);
  return methods
    .filter(({ key }) => members.includes(key.name))
    .map(({ key, value }) => `Reader.prototype.${key.name} = ${slice(text, value).replace("[fn]", ".toNumber")};`);
}

/**
 * A kernel is WGSL text; its bindings and the fields of its uniform struct are read from that text, so that host and
 * shader cannot disagree: a binding or a parameter the host forgets, or invents, is an error before anything is compiled.
 */

export interface KernelBinding {
  readonly name: string;
  readonly index: number;
  readonly kind: "read" | "write" | "uniform";
}

interface ParamField {
  readonly name: string;
  readonly scalar: "u32" | "i32" | "f32";
  /** Words in the field: 1, or 4 · count for an array of vec4. */
  readonly words: number;
  readonly offset: number;
}

export interface Kernel {
  readonly name: string;
  /** Linked WGSL without its `enable` lines. */
  readonly source: string;
  /** WGSL extensions that the sources enable: "f16", "subgroups", … */
  readonly enables: readonly string[];
  readonly bindings: readonly KernelBinding[];
  readonly params: readonly ParamField[];
  readonly paramWords: number;
}

export type ConstantValue = number | boolean;
export type ParamValue = number | readonly number[];

/** The name of the uniform binding, the same in every kernel. */
export const PARAMS = "params";

/** WGSL files, those that several kernels share in lists. */
export type Sources = readonly (string | readonly string[])[];

/**
 * Links WGSL files into one kernel called `name`. The first file is the kernel itself. Bundlers may drop a kernel that nothing
 * uses: an app without attacks does not carry theirs.
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineKernel(name: string, ...sources: Sources): Kernel {
  const { source, enables } = liftEnables(sources.flat().join("\n"));
  const { fields, words } = parseParams(name, source);
  return { name, source, enables, bindings: parseBindings(source), params: fields, paramWords: words };
}

/** WGSL wants its directives before all else, but any linked file may say what it needs: a line `enable f16;` of its own. */
function liftEnables(linked: string): { source: string; enables: readonly string[] } {
  const enables = new Set<string>();
  const source = linked.replace(/^[ \t]*enable\s+([\w\s,]+);/gm, (_, names: string) => {
    for (const name of names.split(",")) enables.add(name.trim());
    return "";
  });
  return { source, enables: [...enables].sort() };
}

function parseBindings(source: string): KernelBinding[] {
  const pattern = /@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]+)>\s*(\w+)\s*:/g;
  const bindings = [...source.matchAll(pattern)].map(([, index, space, name]) => ({
    name: name!,
    index: Number(index),
    kind: space!.includes("uniform") ? ("uniform" as const) : space!.includes("write") ? ("write" as const) : ("read" as const),
  }));
  return bindings.sort((a, b) => a.index - b.index);
}

/** Fields of `struct Params` with WGSL's layout: scalars packed by four bytes, arrays of vec4 aligned to sixteen. */
function parseParams(kernel: string, source: string): { fields: ParamField[]; words: number } {
  const body = /struct Params\s*\{([^}]*)\}/.exec(source)?.[1];
  if (body === undefined) return { fields: [], words: 0 };
  const fields: ParamField[] = [];
  let offset = 0;
  for (const declaration of body.replace(/\/\/.*$/gm, "").matchAll(/(\w+)\s*:\s*(array<vec4([iuf]),\s*(\d+)>|vec4([iuf])|[uif]32)/g)) {
    const [, name, type, arrayLetter, count, vectorLetter] = declaration;
    const letter = arrayLetter ?? vectorLetter ?? type![0]!;
    const words = arrayLetter ? 4 * Number(count) : vectorLetter ? 4 : 1;
    if (words > 1) offset = Math.ceil(offset / 4) * 4;
    fields.push({ name: name!, scalar: `${letter}32` as ParamField["scalar"], words, offset });
    offset += words;
  }
  if (fields.length === 0) throw new Error(`kernel ${kernel}: struct Params has no readable field`);
  return { fields, words: Math.ceil(offset / 4) * 4 };
}

/** The bytes of a kernel's uniform struct. Throws where a field is missing, unknown, or of the wrong length. */
export function packParams(kernel: Kernel, values: Readonly<Record<string, ParamValue>>): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(kernel.paramWords);
  const signed = new Int32Array(words.buffer);
  const floats = new Float32Array(words.buffer);
  const unknown = new Set(Object.keys(values));
  for (const field of kernel.params) {
    const value = values[field.name];
    if (value === undefined) throw new Error(`kernel ${kernel.name}: params.${field.name} is not given`);
    const list = typeof value === "number" ? [value] : value;
    if (list.length !== field.words) throw new Error(`kernel ${kernel.name}: params.${field.name} takes ${field.words} words`);
    const target = field.scalar === "u32" ? words : field.scalar === "i32" ? signed : floats;
    target.set(list, field.offset);
    unknown.delete(field.name);
  }
  if (unknown.size > 0) throw new Error(`kernel ${kernel.name} has no params.${[...unknown].join(", ")}`);
  return words;
}

/** The kernel's text for given constants: what it enables, `const` lines, then the linked sources. */
export function specialise(kernel: Kernel, constants: Readonly<Record<string, ConstantValue>>): string {
  const enables = kernel.enables.map((name) => `enable ${name};`);
  const lines = Object.entries(constants).map(([name, value]) =>
    typeof value === "boolean" ? `const ${name}: bool = ${value};` : `const ${name}: u32 = ${value}u;`,
  );
  return [...enables, ...lines, kernel.source].join("\n");
}

/** Identifies a specialised kernel: its name and its constants. */
export function pipelineKey(kernel: Kernel, constants: Readonly<Record<string, ConstantValue>>): string {
  const list = Object.entries(constants).map(([name, value]) => `${name}=${value}`);
  return `${kernel.name}(${list.sort().join(",")})`;
}

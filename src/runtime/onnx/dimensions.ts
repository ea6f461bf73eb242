/**
 * Axes that a file leaves open, and the extents that options.dimensions gives them: by the symbol that the file has for the axis,
 * which binds every axis of that symbol ("height"), or by input and axis ("x:2"), which binds that axis alone and goes first.
 */
import { ArgumentError, ShapeError } from "../errors.ts";
import { toNumber } from "./decode.ts";
import type { ValueInfoProto } from "./messages.ts";

export interface DeclaredInput {
  readonly name: string;
  /** The extent of each axis, or the symbol of an open one. */
  readonly declared: readonly (number | string)[];
}

interface Extents {
  readonly dimensions?: Readonly<Record<string, number>>;
  /** Of a batch axis that nothing names. */
  readonly batch?: number;
}

/** The extents of an input's axes, or the symbols of open ones. Axes without a symbol are called "axis 2". */
export function declaredAxes({ type }: ValueInfoProto): (number | string)[] {
  return (type?.tensorType?.shape?.dim ?? []).map((dim, axis) => {
    const extent = toNumber(dim.dimValue);
    return extent > 0 ? extent : (dim.dimParam ?? "") || `axis ${axis}`;
  });
}

/** The extent that is given for an axis; undefined where none is. */
function givenExtent({ name, declared }: DeclaredInput, axis: number, { dimensions = {} }: Extents): number | undefined {
  const key = [`${name}:${axis}`, declared[axis]!].find((key) => Object.hasOwn(dimensions, key));
  return key === undefined ? undefined : dimensions[key];
}

/** The extent of an axis; undefined where it stays open. The batch axis, unless an extent is given for it, is that of one sample. */
export function boundExtent(input: DeclaredInput, axis: number, extents: Extents): number | undefined {
  const extent = input.declared[axis]!;
  if (typeof extent === "number") return extent;
  return givenExtent(input, axis, extents) ?? (axis === 0 ? (extents.batch ?? 1) : undefined);
}

/** The extent of the batch axis, or its symbol where it is open. */
export const batchOf = (input: DeclaredInput, extents: Extents): number | string | undefined =>
  typeof input.declared[0] === "string" ? (givenExtent(input, 0, extents) ?? input.declared[0]) : input.declared[0];

/**
 * Throws ShapeError with every axis that stays open, with names that the file has not, which are likely mistyped, and for an extent
 * that is none; ArgumentError for an axis that an input has not, or that the file fixes at another extent. `bound`: whether an input is bound to a constant, which has its own shape.
 */
export function checkDimensions(inputs: readonly DeclaredInput[], bound: (name: string) => boolean, extents: Extents): void {
  const free = inputs.filter(({ name }) => !bound(name));
  const names = new Set(inputs.flatMap(({ name, declared }) => declared.flatMap((extent, axis) => [`${name}:${axis}`, extent])));
  const given = Object.entries(extents.dimensions ?? {});
  const strange = given.filter(([name]) => !names.has(name)).map(([name]) => JSON.stringify(name));
  const open = free.flatMap((input) => {
    const axes = input.declared.flatMap((extent, axis) =>
      boundExtent(input, axis, extents) === undefined ? [{ said: `axis ${axis} ("${extent}")`, key: `${input.name}:${axis}` }] : [],
    );
    if (axes.length === 0) return [];
    return [{ said: `input "${input.name}" leaves ${axes.map(({ said }) => said).join(" and ")} open`, key: axes[0]!.key }];
  });
  if (open.length > 0) {
    const hint = strange.length > 0 ? ` (the file has no ${strange.join(", ")})` : "";
    const how = `give the extents in options.dimensions, by symbol or as ${JSON.stringify(open[0]!.key)}${hint}`;
    throw new ShapeError(`${open.map(({ said }) => said).join("; ")}; ${how}`);
  }
  for (const [key] of given) {
    // Other names may be symbols of other files that the same extents serve.
    const input = names.has(key) ? undefined : inputs.find(({ name }) => /^:\d+$/.test(key.slice(name.length)) && key.startsWith(name));
    if (input)
      throw new ArgumentError(
        `${JSON.stringify(key)} in options.dimensions: input "${input.name}" has ${input.declared.length} axes, from 0`,
      );
  }
  for (const { name, declared } of free) {
    for (const [axis, extent] of declared.entries()) {
      const wanted = extents.dimensions?.[`${name}:${axis}`];
      if (typeof extent === "number" && wanted !== undefined && wanted !== extent)
        throw new ArgumentError(`axis ${axis} of input "${name}" is ${extent} in the file, and ${String(wanted)} in options.dimensions`);
    }
  }
  // Axes of inputs that are bound to constants may be empty.
  const own = new Set(free.flatMap(({ name, declared }) => declared.flatMap((extent, axis) => [`${name}:${axis}`, extent])));
  const wrong = given.find(([name, extent]) => (!Number.isInteger(extent) || extent < 1) && own.has(name));
  if (wrong) throw new ShapeError(`extent ${wrong[1]} of "${wrong[0]}" in options.dimensions`);
}

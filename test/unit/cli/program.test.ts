import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../../src/cli/program.ts";
import { encodeNpy } from "../../../src/data/npy.ts";
import { ndarray } from "../../../src/data/ndarray.ts";
import { bytesOf, counting, node } from "../runtime/graphs.ts";

/** Runs one command line in this process. */
async function nudge(...args: string[]) {
  let stdout = "";
  let stderr = "";
  const code = await run(args, { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) } });
  return { code, stdout, stderr };
}

let place: string;
const at = (name: string) => join(place, name);
const LENET = "models/lenet.onnx";

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-program-"));
  await writeFile(at("x.npy"), encodeNpy(ndarray([2, 1, 28, 28])));
  await writeFile(at("flat.npy"), encodeNpy(ndarray([2, 784])));
  await writeFile(at("one.npy"), encodeNpy(ndarray([1, 28, 28])));
  await writeFile(at("none.npy"), encodeNpy(ndarray([0, 1, 28, 28])));
  await writeFile(at("nan.npy"), encodeNpy(ndarray([4], [0, 1, Number.NaN, 3])));
  await writeFile(at("v.npy"), encodeNpy(ndarray([4], [3, -4, 0.5, 0])));
  await writeFile(at("three.npy"), encodeNpy(ndarray([3, 10])));
  await writeFile(
    at("f8.npy"),
    Buffer.from(encodeNpy(ndarray([2, 1, 28, 28])))
      .toString("latin1")
      .replace("<f4", "<f8"),
    "latin1",
  );
  await writeFile(at("empty.onnx"), "");
  await writeFile(at("text.onnx"), "this is no network");
  await writeFile(at("short.onnx"), (await readFile(LENET)).subarray(0, 1000));
});
afterAll(() => rm(place, { recursive: true }));

describe("help", () => {
  const COMMANDS = ["demo", "info", "run", "jacobian", "vjp", "jvp", "deepfool", "universal", "evaluate", "project", "tune", "devices"];

  test("lists every command", async () => {
    const { code, stdout } = await nudge("--help");
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
  });

  test.each(COMMANDS)("of %s shows examples and the common options", async (command) => {
    const { code, stdout, stderr } = await nudge(command, "--help");
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const part of ["--json", "--adapter <kind>", "--debug", `nudge ${command}`]) expect(stdout).toContain(part);
    expect(stdout).toMatch(/Examples?:/);
  });

  test("the version", async () => {
    const { code, stdout } = await nudge("--version");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("wrong usage: code 2, one line, nothing on stdout", () => {
  test.each([
    ["an unknown command", ["run-all"], "unknown command 'run-all'"],
    ["an unknown option", ["info", LENET, "--fast"], "unknown option '--fast'"],
    ["no model", ["info"], "missing required argument 'model'"],
    ["two models", ["info", LENET, LENET], "too many arguments"],
    ["no input", ["run", LENET, "--output", "y.npy"], "required option '--input"],
    ["an unknown norm", ["deepfool", LENET, "--input", "x.npy", "--output", "out", "--norm", "l3"], "Allowed choices are l2, linf."],
    ["an unknown adapter", ["devices", "--adapter", "fast"], "Allowed choices are auto, software"],
    [
      "a negative radius",
      ["project", "--input", "v.npy", "--norm", "l2", "--radius", "-1", "--output", "w.npy"],
      "It must be a positive finite number.",
    ],
    ["project without a norm", ["project", "--input", "v.npy", "--radius", "1", "--output", "w.npy"], "--norm <norm>"],
    ["rows that are none", ["jacobian", LENET, "--input", "x.npy", "--rows", "some", "--output", "j.npy"], "It must be all, top:K"],
    ["a rate in percent", ["universal", LENET, "--input", "x.npy", "--output", "out", "--fooling-rate", "80"], "a number in (0, 1]"],
    ["a size of one number", ["deepfool", LENET, "--input", "x", "--output", "out", "--size", "224"], "[height, width]"],
    ["a dimension without a size", ["info", LENET, "--dimension", "height"], "It must be name=size"],
    ["batch sizes that are none", ["tune", LENET, "--samples", "1,few"], "It must be a number"],
    ["a batch size of zero", ["tune", LENET, "--samples", "1,0"], "It must be an integer of at least 1."],
    [
      "two tables",
      ["run", LENET, "--input", "x", "--output", "y", "--tuned", "--tuning", "t.json"],
      "cannot be used with option '--tuned'",
    ],
    ["an unknown input name", ["run", LENET, "--input", "z=x.npy", "--output", "y.npy"], 'has no input "z"'],
  ])("%s", async (_name, args, reason) => {
    const { code, stdout, stderr } = await nudge(...args);
    expect(stderr).toContain(reason);
    expect(stderr).toMatch(/^nudge: .*\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test("no command at all shows the help", async () => {
    const { code, stdout, stderr } = await nudge();
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: nudge");
  });
});

describe("bad input: code 1, one line that names the file, and no output", () => {
  test.each([
    ["a missing model", ["info", "missing.onnx"], "missing.onnx: no such file or folder"],
    ["a folder as model", ["info", "models"], "models: is a folder, not a file"],
    ["an empty model", ["info", "@empty.onnx"], "empty.onnx: "],
    ["a text as model", ["run", "@text.onnx", "--input", "@x.npy", "--output", "@out.npy"], "text.onnx: "],
    ["a truncated model", ["deepfool", "@short.onnx", "--input", "@x.npy", "--output", "@out"], "short.onnx: "],
    ["a missing array", ["run", LENET, "--input", "@no.npy", "--output", "@out.npy"], "no.npy: no such file or folder"],
    ["float64", ["run", LENET, "--input", "@f8.npy", "--output", "@out.npy"], "f8.npy: dtype '<f8' is not float32"],
    ["a shape that does not fit", ["run", LENET, "--input", "@flat.npy", "--output", "@out.npy"], "flat.npy: shape [2, 784] does not fit"],
    ["a missing batch axis", ["run", LENET, "--input", "@one.npy", "--output", "@out.npy"], "add the batch axis"],
    ["no samples", ["run", LENET, "--input", "@none.npy", "--output", "@out.npy"], "it holds no samples"],
    ["NaN", ["project", "--input", "@nan.npy", "--norm", "l2", "--radius", "1", "--output", "@out.npy"], "nan.npy: element 2 is NaN"],
    [
      "a cotangent for other points",
      ["vjp", LENET, "--input", "@x.npy", "--cotangent", "@three.npy", "--output", "@out.npy"],
      "three.npy: holds 3 samples",
    ],
    ["a folder without images", ["deepfool", LENET, "--input", "src", "--output", "@out"], "src: no images in this folder"],
    [
      "a perturbation of another shape",
      ["evaluate", LENET, "--input", "@x.npy", "--perturbation", "@v.npy", "--output", "@out"],
      "v.npy: shape [4] does not fit",
    ],
    [
      "several perturbations",
      ["evaluate", LENET, "--input", "@x.npy", "--perturbation", "@x.npy", "--output", "@out"],
      "x.npy: holds 2 perturbations",
    ],
    [
      "a missing preprocessing file",
      ["deepfool", LENET, "--input", "@x.npy", "--preprocessing", "no.json", "--output", "@out"],
      "no.json: no such file",
    ],
    ["an output folder that is a file", ["deepfool", LENET, "--input", "@x.npy", "--output", "@x.npy"], "x.npy: is a file"],
  ])("%s", async (_name, args, reason) => {
    const before = await readdir(place);
    const { code, stdout, stderr } = await nudge(...args.map((arg) => arg.replace(/^@/, `${place}/`)));
    expect(stderr).toContain(reason);
    expect(stderr).toMatch(/^nudge: .*\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(1);
    expect(await readdir(place)).toEqual(before);
  });

  test("--debug adds where it happened", async () => {
    const { stderr } = await nudge("info", "missing.onnx", "--debug");
    expect(stderr).toMatch(/^nudge: missing.onnx: no such file or folder\n.*Error: [^]*\n    at /);
  });
});

describe("models with files beside them, and with open axes", () => {
  const folder = () => at("kept");
  const model = (name: string) => join(folder(), name);

  /** y = x + b, b in `location`; x has an open axis. */
  async function writeModel(name: string, location: string) {
    const small = { inputs: { x: [1, 2] }, nodes: [node("Add", ["x", "b"], "y")], constants: { b: counting([2]) } };
    const proto = onnxProto.onnx.ModelProto.decode(bytesOf(small));
    proto.graph!.input![0]!.type!.tensorType!.shape = { dim: [{ dimParam: "N" }, { dimParam: "width" }] };
    const tensor = proto.graph!.initializer![0]!;
    Object.assign(tensor, { rawData: null, dataLocation: 1, externalData: [{ key: "location", value: location }] });
    await writeFile(model(name), onnxProto.onnx.ModelProto.encode(proto).finish());
  }

  beforeAll(async () => {
    await mkdir(join(folder(), "parts"), { recursive: true });
    await writeFile(join(folder(), "parts", "b.bin"), new Uint8Array(8));
    await writeFile(join(folder(), "short.bin"), new Uint8Array(7));
    await writeFile(at("outside.bin"), new Uint8Array(8));
    await symlink(at("outside.bin"), model("link.bin"));
    await symlink(place, model("around"));
    for (const [name, location] of Object.entries({
      "good.onnx": "parts/b.bin",
      "missing.onnx": "nowhere.bin",
      "short.onnx": "short.bin",
      "link.onnx": "link.bin",
      "linked-folder.onnx": "around/outside.bin",
      "parent.onnx": "../outside.bin",
      "absolute.onnx": at("outside.bin"),
    }))
      await writeModel(name, location);
  });
  afterAll(() => rm(folder(), { recursive: true }));

  const width = ["--dimension", "width=2"];

  test("a file is found in the model's folder", async () => {
    const { code, stdout, stderr } = await nudge("info", model("good.onnx"), ...width);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain('"x" [N, 2]');
    expect(stdout).not.toContain("not given");
  });

  test("info does without a file that is missing; run names it", async () => {
    const info = await nudge("info", model("missing.onnx"), ...width);
    expect(info.code).toBe(0);
    expect(info.stdout).toContain('weights lie in "nowhere.bin", not given here');
    const { code, stderr } = await nudge("run", model("missing.onnx"), ...width, "--input", at("x.npy"), "--output", at("out.npy"));
    expect(code).toBe(1);
    expect(stderr).toBe(
      `nudge: ${model("missing.onnx")}: cannot read its external data file ${model("nowhere.bin")}: no such file or folder\n`,
    );
  });

  test.each([
    ["short.onnx", 'lies at bytes 0 to 8 of "short.bin", which has 7'],
    ["link.onnx", `its external data file "link.bin" leads out of the model's folder`],
    ["linked-folder.onnx", `its external data file "around/outside.bin" leads out of the model's folder`],
    ["parent.onnx", `lies in "../outside.bin", which leads out of the model's folder`],
    ["absolute.onnx", "which leads out of the model's folder"],
  ])("%s is refused", async (name, reason) => {
    for (const args of [["info"], ["run", "--input", at("x.npy"), "--output", at("out.npy")]]) {
      const { code, stdout, stderr } = await nudge(args[0]!, model(name), ...width, ...args.slice(1));
      expect(stderr).toContain(reason);
      expect(stderr).toMatch(/^nudge: .*\n$/);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    }
  });

  test("an open axis is asked for by the option's name, and a mistyped one said", async () => {
    const open = await nudge("info", model("good.onnx"));
    expect(open.stderr).toContain('input "x" leaves axis 1 ("width") open; give the extents with --dimension NAME=SIZE');
    const typo = await nudge("info", model("good.onnx"), "--dimension", "witdh=2");
    expect(typo.stderr).toContain(
      'leaves axis 1 ("width") open; give the extents with --dimension NAME=SIZE, by symbol or as "x:1" (the file has no "witdh")',
    );
    expect([open.code, typo.code]).toEqual([1, 1]);
  });
});

describe("commands that need no GPU", () => {
  test("info describes the embedded model", async () => {
    const { code, stdout, stderr } = await nudge("info", LENET);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const part of ["inputs", "[N, 1, 28, 28]", "parameters", "multiply-accumulates", "launches", "unsupported  nothing"]) {
      expect(stdout).toContain(part);
    }
  });

  test("info --weights f16 says what is stored as f16", async () => {
    const { stdout } = await nudge("info", LENET, "--weights", "f16");
    expect(stdout).toMatch(/parameters {2,}\S+ \(.+, of them .+ as f16\)/);
    const wrong = await nudge("info", LENET, "--weights", "int8");
    expect(wrong.stderr).toContain("Allowed choices are f32, f16");
    expect(wrong.code).toBe(2);
  });

  test("info --json is JSON and nothing else", async () => {
    const { stdout } = await nudge("info", LENET, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ command: "info", model: LENET, unsupported: [] });
  });

  test("project writes the nearest point of the ball", async () => {
    const { code, stdout } = await nudge(
      "project",
      "--input",
      at("v.npy"),
      "--norm",
      "linf",
      "--radius",
      "1/2",
      "--output",
      at("w.npy"),
      "--json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ normBefore: 4, normAfter: 0.5, radius: 0.5, norm: "linf" });
    expect(await readFile(at("w.npy"))).toEqual(Buffer.from(encodeNpy(ndarray([4], [0.5, -0.5, 0.5, 0]))));
    await rm(at("w.npy"));
  });

  test("an aborted command says nothing: the process around it does", async () => {
    let stderr = "";
    const sink = { write: (text: string) => (stderr += text) };
    const args = ["deepfool", LENET, "--input", "@images", "--output", at("out")];
    const code = await run(args, { stdout: sink, stderr: sink, signal: AbortSignal.abort() });
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
  });
});

// Runs cases of one target, and says before and after each what it does; the parent kills it where that takes too long.
//
//   in:  { target, seed, from, to }    out: { ready } { began } { ended: index, kind, why?, bytes }

import { typescriptServer } from "../typescript.mjs";

const server = await typescriptServer();
const { targets } = await server.ssrLoadModule("/test/fuzz/targets.ts");
const { judge, makeCase, mostBytes } = await server.ssrLoadModule("/test/fuzz/cases.ts");

const MB = 2 ** 20;

/** Milliseconds that this process worked: what others do on the machine does not count. A case that sleeps is killed by the parent. */
const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

process.on("message", async ({ target: name, seed, from, to }) => {
  const target = targets.find((each) => each.name === name);
  const samples = await target.samples();
  for (let index = from; index < to; index++) {
    const bytes = makeCase(target, samples, seed, index);
    if (index % 100 === 0) {
      globalThis.gc?.();
      // News of a parent that is gone come in turns of the event loop only.
      await new Promise((resolve) => setImmediate(resolve));
      if (!process.connected) process.exit(1);
    }
    const before = process.memoryUsage().rss;
    const highest = process.resourceUsage().maxRSS;
    process.send({ began: index });
    let ending = await judge(target.run, bytes, processorTime);
    const peak = process.resourceUsage().maxRSS;
    const taken = peak > highest ? peak * 1024 - before : 0;
    if (bytes && ending.kind !== "fault" && taken > mostBytes(bytes.length) && taken > mostBytes(bytes.length, target.fed?.(bytes)))
      ending = { kind: "fault", why: `it took ${Math.round(taken / MB)} MB for a file of ${bytes.length} bytes` };
    process.send({ ended: index, ...ending, bytes: bytes?.length ?? 0 });
  }
  process.exit(0);
});
process.send({ ready: true });

// A thread that ends a process whose parent is gone, also while the main thread computes and hears nothing.
//
// A parent that is killed (SIGKILL, out of memory) cannot pass anything on. Its child is given to another process then, so
// the number of its parent changes: true on Linux and macOS, and seen without the event loop of the main thread.

import { Worker } from "node:worker_threads";

const CHECK_MS = 200;

/** CommonJS for a worker: ends its process a moment after the parent is no longer `parent`. */
export const WATCHDOG = `
const { parentPort, workerData: { parent, patience, interval } } = require("node:worker_threads");
const timer = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(timer);
  parentPort.postMessage("orphaned");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), patience);
}, interval);
`;

/**
 * Watches over this process.
 * @param parent process id of the parent that must live
 * @param patience milliseconds between the call of `orphaned`, if it can be made, and the end
 */
export function endWithParent(parent: number, patience: number, orphaned: () => void): void {
  const worker = new Worker(WATCHDOG, { eval: true, workerData: { parent, patience, interval: CHECK_MS }, execArgv: [] });
  worker.on("message", orphaned);
  worker.on("error", () => {}); // without the watch the command still works
  worker.unref();
}

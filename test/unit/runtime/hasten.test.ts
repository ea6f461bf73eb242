/** Waiting for the GPU with empty submissions in between: a few, which end with the work. */
import { describe, expect, test } from "vitest";
import { hastened } from "../../../src/runtime/gpu/hasten.ts";

class CountingQueue {
  submissions = 0;
  submit(commands: Iterable<GPUCommandBuffer>): undefined {
    expect([...commands]).toEqual([]);
    this.submissions++;
  }
}

const after = (milliseconds: number) => new Promise<string>((resolve) => setTimeout(() => resolve("done"), milliseconds));

describe("hastened work", () => {
  test("gives its result, after a few submissions", async () => {
    const queue = new CountingQueue();
    expect(await hastened(after(40), queue)).toBe("done");
    expect(queue.submissions).toBe(6);
  });

  test("that is done already needs none, then or later", async () => {
    const queue = new CountingQueue();
    expect(await hastened(Promise.resolve(3), queue)).toBe(3);
    await after(10);
    expect(queue.submissions).toBe(0);
  });

  test("fails as it fails, and no submission follows", async () => {
    const queue = new CountingQueue();
    await expect(hastened(Promise.reject(new Error("lost")), queue)).rejects.toThrow("lost");
    await after(10);
    expect(queue.submissions).toBe(0);
  });
});

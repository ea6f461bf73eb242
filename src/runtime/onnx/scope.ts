/** Values by name while a graph is imported. The branch of an If sees what is around it. */
import type { Value } from "../graph/graph.ts";

export class Scope {
  private readonly own = new Map<string, Value>();

  constructor(private readonly around?: Scope) {}

  get(name: string): Value | undefined {
    return this.own.get(name) ?? this.around?.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, value: Value): void {
    this.own.set(name, value);
  }

  /** Forgets a value of this scope: constants that nobody reads any more may go. */
  delete(name: string): void {
    this.own.delete(name);
  }
}

/** What a contestant of the comparison can do. Every call takes host arrays and resolves with host arrays. */

/** N samples, [N, ...sample], as one flat array. */
export interface Batch {
  readonly samples: number;
  readonly data: Float32Array;
}

/** What every contestant is told about a network beside its bytes. */
export interface NetFacts {
  readonly input: string;
  readonly output: string;
  /** One sample, without the batch axis; images are [C, H, W]. */
  readonly shape: readonly number[];
  readonly classes: number;
}

export interface Nudges {
  /** Labels before, labels with the perturbation, ‖r‖₂: one a sample. */
  readonly labels: Float32Array;
  readonly newLabels: Float32Array;
  readonly norms: Float32Array;
}

/** A loaded network. A call that a contestant lacks is absent; one it cannot do for this network throws. */
export interface Net {
  /** Logits, [N, classes]. */
  forward(x: Batch): Promise<Float32Array>;
  /** Gradient by the input of Σ cotangent · logits, cotangent [N, classes] → [N, ...sample]. */
  vjp?(x: Batch, cotangent: Float32Array): Promise<Float32Array>;
  /** Gradients of the k largest logits of each sample, largest first: [N, k, ...sample]. */
  jacobian?(x: Batch, k: number): Promise<Float32Array>;
  /** DeepFool, l2, overshoot 0.02 inside the loop, 10 candidates, at most 50 steps. */
  deepfool?(x: Batch): Promise<Nudges>;
}

export interface Contestant {
  /** Whether calls other than `forward` exist at all, so that a table need not try them. */
  readonly derivatives: boolean;
  /** Bytes → a network that has its device. The first call opens the device. */
  load(bytes: Uint8Array, facts: NetFacts): Promise<Net>;
}

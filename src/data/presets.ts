// The preprocessings that most published image classifiers were trained with, by name.

import type { PreprocessingOptions } from "./preprocessing.ts";

type Preset = Omit<PreprocessingOptions, "labels">;

/** What a preset leaves out is the model's to say: the size, the channels or the layout of its input. */
export const PRESETS = {
  /** torchvision: Resize(256), CenterCrop(224), ToTensor(), Normalize(…). */
  "imagenet-torch": {
    size: [224, 224],
    resize: 256,
    range: [0, 1],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    channels: "rgb",
    layout: "NCHW",
  },
  /** Keras, mode "tf", and TensorFlow's Inception and MobileNet. */
  tf: { range: [-1, 1], mean: [0], std: [1], channels: "rgb" },
  /** Caffe, and Keras in mode "caffe": the mean of ImageNet, blue first. */
  caffe: { range: [0, 255], mean: [103.939, 116.779, 123.68], std: [1], channels: "bgr" },
  /** EfficientNet-Lite: (p − 127) / 128 of the pixel p. */
  lite: { range: [0, 1], mean: [0.49803922], std: [0.50196078], channels: "rgb" },
  /** Values from 0 to 1 and nothing else. */
  unit: { range: [0, 1], mean: [0], std: [1] },
  /** Digits of 28×28, white on black, from 0 to 1. */
  mnist: { size: [28, 28], range: [0, 1], mean: [0], std: [1], channels: "gray" },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

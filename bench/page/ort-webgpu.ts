/** onnxruntime-web/webgpu: WebGPU kernels in C++. */
import * as ort from "onnxruntime-web/webgpu";
import { onnxruntime } from "../peers/onnxruntime.ts";
import { hostContestant } from "./host.ts";

hostContestant(onnxruntime(ort));

/** onnxruntime-web's default build: WebGPU kernels in TypeScript (JSEP). */
import * as ort from "onnxruntime-web";
import { onnxruntime } from "../peers/onnxruntime.ts";
import { hostContestant } from "./host.ts";

hostContestant(onnxruntime(ort));

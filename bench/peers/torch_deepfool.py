#!/usr/bin/env python3
"""DeepFool of foolbox and torchattacks on PyTorch, on what `run.sh deepfool --export FOLDER` of the pack wrote.

    python torch_deepfool.py FOLDER [--device cuda] [--batch 32] [--runs 5] [--json OUT.json]

For each net in FOLDER: runs its ONNX nodes as PyTorch functions, checks its labels against Nudge's, attacks the same images,
compares the sizes of the perturbations with Nudge's, and prints images a second. Rates are of the same work: up to 50 steps,
10 candidate classes, overshoot 0.02. Needs torch, onnx, numpy, and foolbox, torchattacks or both.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

# Norms are said to agree when their means over the images differ by less than this share.
AGREEMENT = 0.01


class OnnxNet(torch.nn.Module):
    """The nodes of an ONNX file, one after another. Covers what classifiers of convolutions need."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(str(path)).graph
        self.constants = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.nodes = [(n.op_type, list(n.input), n.output[0], {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}) for n in graph.node]
        self.input = next(i.name for i in graph.input if i.name not in self.constants)
        self.output = graph.output[0].name
        # Attacks attach to the logits.
        if self.nodes[-1][0] in ("Softmax", "LogSoftmax"):
            self.output = self.nodes.pop()[1][0]

    def to(self, device):
        self.constants = {name: value.to(device) for name, value in self.constants.items()}
        return super().to(device)

    def forward(self, x):
        values = {**self.constants, self.input: x}
        for op, inputs, output, attributes in self.nodes:
            values[output] = self.run(op, [values[name] if name else None for name in inputs], attributes)
        return values[self.output]

    def run(self, op, inputs, attributes):
        def symmetric():
            pads = attributes.get("pads", [0, 0, 0, 0])
            if pads[:2] != pads[2:] or attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
                raise NotImplementedError(f"{op} with pads {pads}")
            return tuple(pads[:2])

        x, rest = inputs[0], inputs[1:]
        if op == "Conv":
            bias = rest[1] if len(rest) > 1 else None
            return F.conv2d(x, rest[0], bias, tuple(attributes.get("strides", [1, 1])), symmetric(), tuple(attributes.get("dilations", [1, 1])), attributes.get("group", 1))
        if op == "Relu":
            return F.relu(x)
        if op == "Tanh":
            return torch.tanh(x)
        if op == "Add":
            return x + rest[0]
        if op == "Sub":
            return x - rest[0]
        if op == "Mul":
            return x * rest[0]
        if op == "Div":
            return x / rest[0]
        if op == "MaxPool":
            return F.max_pool2d(x, attributes["kernel_shape"], attributes.get("strides"), symmetric())
        if op == "AveragePool":
            return F.avg_pool2d(x, attributes["kernel_shape"], attributes.get("strides"), symmetric(), count_include_pad=bool(attributes.get("count_include_pad", 0)))
        if op == "GlobalAveragePool":
            return x.mean((2, 3), keepdim=True)
        if op == "Flatten":
            return x.flatten(attributes.get("axis", 1))
        if op == "Reshape":
            return x.reshape([x.shape[0], -1])
        if op == "MatMul":
            return x @ rest[0]
        if op == "Gemm":
            w = rest[0].T if attributes.get("transB", 0) else rest[0]
            product = attributes.get("alpha", 1.0) * (x @ w)
            return product + attributes.get("beta", 1.0) * rest[1] if len(rest) > 1 else product
        raise NotImplementedError(op)


def foolbox_attack(net, device, settings):
    import foolbox

    model = foolbox.PyTorchModel(net, bounds=(-1e6, 1e6), device=device)
    attack = foolbox.attacks.L2DeepFoolAttack(steps=settings["maxIterations"], candidates=settings["candidates"], overshoot=settings["overshoot"], loss="logits")
    return lambda x, labels: attack.run(model, x, foolbox.criteria.Misclassification(labels))


def torchattacks_attack(net, device, settings):
    import torchattacks

    # It works on all classes, one image at a time, and clamps to [0, 1]: its answers are smaller problems' cousins.
    attack = torchattacks.DeepFool(net, steps=settings["maxIterations"], overshoot=settings["overshoot"])
    attack.set_device(device)
    return lambda x, labels: attack(x, labels)


PEERS = {"foolbox": (foolbox_attack, True), "torchattacks": (torchattacks_attack, False)}


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def run_net(folder, device, batch, runs, peers):
    settings = json.loads((folder / "attack.json").read_text())
    images = torch.from_numpy(np.load(folder / "images.npy")).to(device)
    expected = {name: np.load(folder / f"{name}.npy") for name in ("labels", "new-labels", "norms")}
    net = OnnxNet(folder / "model.onnx").eval().to(device)
    chunks = images.split(batch)
    with torch.no_grad():
        labels = torch.cat([net(chunk).argmax(1) for chunk in chunks])
    same = float((labels.cpu().numpy() == expected["labels"]).mean())
    print(f"{folder.name}: {len(images)} images, labels as Nudge's: {100 * same:.1f} %")
    results = []
    for peer in peers:
        make, comparable = PEERS[peer]
        try:
            attack = make(net, device, settings)
        except ImportError as error:
            print(f"  {peer}: {error}")
            continue
        seconds, found = [], None
        for _ in range(1 + runs):  # The first one warms up.
            synchronise(device)
            begin = time.perf_counter()
            found = torch.cat([attack(chunk, part) for chunk, part in zip(chunks, labels.split(batch))])
            synchronise(device)
            seconds.append(time.perf_counter() - begin)
        seconds = seconds[1:]
        norms = (found - images).flatten(1).norm(dim=1).cpu().numpy()
        with torch.no_grad():
            new = torch.cat([net(chunk).argmax(1) for chunk in found.split(batch)]).cpu().numpy()
        difference = float(abs(norms.mean() / expected["norms"].mean() - 1))
        close = float((np.abs(norms / expected["norms"] - 1) < 1e-3).mean())
        agrees = difference < AGREEMENT
        verdict = "same answers" if agrees else ("OTHER ANSWERS: no ratio" if comparable else "another algorithm")
        rate = len(images) / statistics.median(seconds)
        print(
            f"  {peer}: {rate:.3g} images/s; fooled {int((new != expected['labels']).sum())}, new labels as Nudge's {100 * (new == expected['new-labels']).mean():.1f} %, "
            f"mean norm {norms.mean():.5g} against {expected['norms'].mean():.5g}, within 1e-3 on {100 * close:.1f} %: {verdict}"
        )
        results.append({"net": folder.name, "peer": peer, "images": len(images), "batch": batch, "rate": rate, "seconds": seconds, "meanNorm": float(norms.mean()), "normDifference": difference, "sameAnswers": agrees})
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device(options.device)
    # Single precision throughout, as Nudge computes.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__} on {name}")
    folders = sorted(path.parent for path in options.folder.glob("*/attack.json"))
    if not folders:
        parser.error(f"{options.folder} holds nothing that the pack exported")
    results = [result for folder in folders for result in run_net(folder, device, options.batch, options.runs, options.peers)]
    if options.json:
        options.json.write_text(json.dumps({"torch": torch.__version__, "device": name, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()

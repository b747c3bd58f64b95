"""Time the convolution triangle against PyTorch's, layer by layer, in one process.

    python tests/benchmarks/convolution.py [dcgan28|dcgan64|small|narrow ...] [--repeats N] [--algorithms]

Each round times every kernel of every library once, in turn, so that a busy machine slows all of
them alike; the minimum over the rounds is shown, in milliseconds. "A step" is the sum over one
training step: the generator's layers once, the discriminator's on the real and on the fake batch.
The last columns give the float32 error of each kernel relative to its largest value.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minigan.backend import keep_freed_memory
from minigan.kernels import convolution, cook_toom, im2col, narrow
from minigan.kernels.geometry import Geometry
from minigan.kernels.layout import taps_first, to_native, weight_of

KERNELS = ("conv_forward", "conv_input_grad", "conv_weight_grad")


class Layer(NamedTuple):
    """A layer and how often a step runs its (forward, input gradient, weight gradient) *kernels*.

    A transposed layer is listed by the convolution it is the input gradient of.
    """

    name: str
    batch: int
    channels: int  # C, of the large image
    out_channels: int  # O, of the small image
    geometry: Geometry
    calls: tuple[int, int, int]


def conv(name, batch, c, o, size, kernel, stride, padding, calls=(2, 2, 2)):
    return Layer(name, batch, c, o, Geometry.of_conv((size, size), kernel, stride, padding), calls)


def conv_transpose(name, batch, i, o, size, kernel, stride, padding, calls=(1, 1, 1)):
    return Layer(name, batch, o, i, Geometry.of_conv_transpose((size, size), kernel, stride, padding), calls)


MODELS: dict[str, list[Layer]] = {
    "dcgan28": [
        conv_transpose("G1 256-128 s1 7", 256, 256, 128, 7, 5, 1, "same"),
        conv_transpose("G2 128-64 7-14", 256, 128, 64, 7, 5, 2, "same"),
        conv_transpose("G3 64-1 14-28", 256, 64, 1, 14, 5, 2, "same"),
        conv("D1 1-64 28-14", 256, 1, 64, 28, 5, 2, "same", (2, 1, 2)),
        conv("D2 64-128 14-7", 256, 64, 128, 14, 5, 2, "same"),
    ],
    "dcgan64": [
        conv_transpose("G1 100-512 1-4", 128, 100, 512, 1, 4, 1, 0),
        conv_transpose("G2 512-256 4-8", 128, 512, 256, 4, 4, 2, 1),
        conv_transpose("G3 256-128 8-16", 128, 256, 128, 8, 4, 2, 1),
        conv_transpose("G4 128-64 16-32", 128, 128, 64, 16, 4, 2, 1),
        conv_transpose("G5 64-3 32-64", 128, 64, 3, 32, 4, 2, 1),
        conv("D1 3-64 64-32", 128, 3, 64, 64, 4, 2, 1, (2, 1, 2)),
        conv("D2 64-128 32-16", 128, 64, 128, 32, 4, 2, 1),
        conv("D3 128-256 16-8", 128, 128, 256, 16, 4, 2, 1),
        conv("D4 256-512 8-4", 128, 256, 512, 8, 4, 2, 1),
        conv("D5 512-1 4-1", 128, 512, 1, 4, 4, 1, 0),
    ],
    "small": [  # no model: layers in which what a call costs counts
        conv("3x3 16-16 28", 64, 16, 16, 28, 3, 1, 1),
        conv("3x3 32-32 14", 64, 32, 32, 14, 3, 1, 1),
        conv("3x3 64-64 7", 64, 64, 64, 7, 3, 1, 1),
        conv("4x4 1-16 28-14", 64, 1, 16, 28, 4, 2, 1),
        conv("4x4 16-32 14-7", 64, 16, 32, 14, 4, 2, 1),
        conv("5x5 1-32 28-14", 64, 1, 32, 28, 5, 2, "same"),
        conv("5x5 32-64 14-7", 64, 32, 64, 14, 5, 2, "same"),
        conv("1x1 64-64 14", 64, 64, 64, 14, 1, 1, 0),
    ],
    "narrow": [  # no model: the few channels at the ends of networks that make or change images
        conv(f"3x3 {c}-{o} {size} b{batch}", batch, c, o, size, 3, 1, 1)
        for size, batch in ((28, 32), (28, 128), (64, 32))
        for c, o in ((8, 3), (8, 8), (16, 16), (3, 8), (1, 8), (16, 1))
    ],
}


def ours(algorithm, layer: Layer, x, w, dy) -> list[Callable]:
    g = layer.geometry
    return [
        lambda: algorithm.conv_forward(x, w, g),
        lambda: algorithm.conv_input_grad(dy, w, g),
        lambda: algorithm.conv_weight_grad(x, dy, g),
    ]


def torchs(layer: Layer, x, w, dy) -> list[Callable]:
    """PyTorch's convolution and its backward, on channels-last tensors (its faster order on a CPU)."""
    import torch

    g = layer.geometry
    (h, _), (oh, _), k, s = g.in_size, g.out_size, g.kernel[0], g.stride[0]
    before = g.pad[0]
    after = (oh - 1) * s + k - h - before
    # PyTorch pads both sides alike: give it an image that has the rest of its padding already.
    extra = max(0, after - before)
    x = np.pad(x, ((0, 0), (0, 0), (0, extra), (0, extra)))
    tx, tw, tdy = (torch.from_numpy(a).to(memory_format=torch.channels_last) for a in (x, w, dy))
    common = [None, (s, s), (before, before), (1, 1), False, (0, 0), 1]

    def gradient(which):
        mask = [which == "x", which == "w", False]
        return lambda: torch.ops.aten.convolution_backward(tdy, tx, tw, *common, mask)

    return [lambda: torch.nn.functional.conv2d(tx, tw, None, s, before), gradient("x"), gradient("w")]


def measure(candidates: dict[str, Callable], repeats: int) -> dict[str, float]:
    """The least milliseconds of each callable over `repeats` rounds.

    Twice in a row in each round: the first call also pays for what the library before it left running.
    """
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(repeats):
        for name, call in candidates.items():
            for _ in range(2):
                start = time.perf_counter()
                result = call()
                best[name] = min(best[name], (time.perf_counter() - start) * 1e3)
                del result
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="*", default=["dcgan28"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--algorithms", action="store_true", help="time every algorithm apart, too")
    arguments = parser.parse_args()
    try:
        import torch
    except ImportError:
        torch = None
    keep_freed_memory()  # as a run does
    rng = np.random.default_rng(0)
    for model in arguments.models:
        totals: dict[str, float] = {}
        print(f"\n{model}, forward / input grad / weight grad, ms")
        for layer in MODELS[model]:
            g = layer.geometry
            x, w, dy = (
                rng.standard_normal(shape, np.float32)
                for shape in (
                    (layer.batch, layer.channels, *g.in_size),
                    (layer.out_channels, layer.channels, *g.kernel),
                    (layer.batch, layer.out_channels, *g.out_size),
                )
            )
            native = to_native(x), weight_of(taps_first(w)), to_native(dy)
            libraries = {"minigan": ours(convolution, layer, *native)}
            if arguments.algorithms:
                libraries["im2col"] = ours(im2col, layer, *native)
                libraries["cook-toom"] = ours(cook_toom, layer, *native)
                if g.stride == (1, 1):
                    libraries["narrow"] = ours(narrow, layer, *native)
            if torch is not None:
                libraries["torch"] = torchs(layer, x, w, dy)
            times = {name: [] for name in libraries}
            for k in range(3):
                best = measure({name: calls[k] for name, calls in libraries.items()}, arguments.repeats)
                for name, value in best.items():
                    times[name].append(value)
                    totals[name] = totals.get(name, 0.0) + layer.calls[k] * value
            cells = "   ".join(f"{name} " + " / ".join(f"{t:6.2f}" for t in times[name]) for name in times)
            exact = [call() for call in ours(im2col, layer, *(a.astype(np.float64) for a in native))]
            errors = [
                np.abs(call() - e).max() / np.abs(e).max() for call, e in zip(libraries["minigan"], exact, strict=True)
            ]
            print(f"{layer.name:18s} {cells}   error " + " ".join(f"{e:.0e}" for e in errors), flush=True)
        print("a step             " + "   ".join(f"{name} {total:.0f} ms" for name, total in totals.items()))
        if torch is not None:
            ratio = totals["minigan"] / totals["torch"]
            print(f"                   minigan takes {ratio:.2f} of PyTorch's time")


if __name__ == "__main__":
    main()

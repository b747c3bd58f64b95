"""How near a training step comes to what this machine can do: python tests/benchmarks/limits.py [--work quick28 …]

Of each work of compare.py, in ms a step:

    step        what it takes
    products    its multiply-adds alone, at the speed of a large float32 matrix product
    arrays      each function's inputs read and its output written once, at the speed of a copy of 1 MB
    calls       the same step on the smallest batch: Python, the optimisers, whatever no batch makes longer
    of them     the three limits together, as a share of the step

No engine that computes these functions one after the other takes less than products and arrays together; one that
calls them from Python takes calls as well. Fused passes and factorised convolutions (Cook-Toom) can save some of both,
so a share above 100 % is possible. Direct convolutions are counted, whatever is computed in their place.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

import minigan  # noqa: E402, F401, I001  (before NumPy, as in `minigan train`)

import numpy as np  # noqa: E402
from benchmarks.workloads import WORKS  # noqa: E402

from minigan.autograd import Tensor, observe  # noqa: E402
from minigan.backend import keep_freed_memory  # noqa: E402
from minigan.functions.convolution import Conv2d, ConvTranspose2d, ConvWeightGrad  # noqa: E402
from minigan.functions.dense import Dense, DenseWeightGrad, MatMul  # noqa: E402

SMALLEST = 2  # of a batch: BatchNorm needs two


class Count:
    """An observer: multiply-adds and bytes of all functions that are called."""

    multiply_adds = bytes = 0

    def after_forward(self, node: Any, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        """Of a function: its node, what came in and what came out."""
        arrays = [t.array for t in inputs if t is not None]
        self.bytes += sum(a.nbytes for a in (*arrays, *(t.array for t in outputs)))
        self.multiply_adds += multiply_adds(node, [a.shape for a in arrays], outputs[0].shape)

    def after_backward(self, node: Any, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        """What a backward pass computes is functions, which were seen."""


def multiply_adds(node: Any, inputs: list[tuple[int, ...]], output: tuple[int, ...]) -> int:
    """Of a matrix product or a convolution; 0 for other functions."""
    if isinstance(node, (Conv2d, ConvTranspose2d, ConvWeightGrad)):
        # One multiply-add for each of kernel (O, C, KH, KW), place of a window and sample.
        (kh, kw), (oh, ow) = node.geometry.kernel, node.geometry.out_size
        channels = math.prod(output[:2]) if isinstance(node, ConvWeightGrad) else math.prod(inputs[1][:2])
        return inputs[0][0] * channels * kh * kw * oh * ow
    if isinstance(node, MatMul):
        return math.prod(output) * inputs[0][-1]
    if isinstance(node, Dense):
        return math.prod(output) * inputs[0][1]
    if isinstance(node, DenseWeightGrad):
        return math.prod(output) * inputs[0][0]
    return 0


def median_time(step: Callable[[], Any], seconds: float = 1.5) -> float:
    """Of as many runs as fit, and at least three."""
    step()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Measure the machine, then what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", action="append", choices=list(WORKS), help="may be given several times")
    arguments = parser.parse_args()
    keep_freed_memory()  # as a run does
    a = np.ones((1024, 1024), "float32")
    products = 1024**3 / median_time(lambda: a @ a, 0.5)
    source, target = np.ones((2, 1 << 18), "float32")
    copies = 2 * source.nbytes / median_time(lambda: np.copyto(target, source), 0.2)
    print(f"multiply-adds: {products / 1e9:.0f} G/s; a copy reads and writes {copies / 1e9:.0f} GB/s, on one core")
    print(f"{'':16}{'step':>10}{'products':>10}{'arrays':>10}{'calls':>10}{'of them':>10}")
    for name in arguments.work or WORKS:
        for batch in WORKS[name].batches:
            step, count = WORKS[name].make(batch, "cpu"), Count()
            with observe(count):
                step()
            limits = (
                count.multiply_adds / products,
                count.bytes / copies,
                median_time(WORKS[name].make(SMALLEST, "cpu")),
            )
            taken = median_time(step)
            numbers = "".join(f"{1e3 * seconds:10.1f}" for seconds in (taken, *limits))
            print(f"{name + f' b{batch}':16}{numbers}{sum(limits) / taken:10.0%}", flush=True)


if __name__ == "__main__":
    main()

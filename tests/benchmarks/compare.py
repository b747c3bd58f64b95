"""minigan against other frameworks: the same training step, on the same machine, in one run.

    python tests/benchmarks/compare.py                    everything, with every peer that is installed
    python tests/benchmarks/compare.py --work mlp --rounds 5
    python tests/benchmarks/compare.py --exponents        how a step's time grows with batch and pixels
    python tests/benchmarks/compare.py --device gpu       on a card, against PyTorch on the same
    python tests/benchmarks/compare.py --keep             also keep what it found in compare.json
    python tests/benchmarks/compare.py --table            only what was kept, as the README's table

Each engine runs in a process of its own (thread pools of two engines in one process get into each
other's way), and the processes take turns, round after round, so that a slow minute of the machine
hits all of them. Printed are the median and the fastest step, and the median over the rounds of the
ratio minigan / peer of the same round: below 1, minigan is faster. Memory is the peak resident size
of a process that does nothing but these steps; the time to import, of a fresh interpreter. At the end each ratio
stands beside the one in compare.json. With OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 all engines have one thread,
and the ratios are kept under names of their own.

Peers: `pip install torch` (the CPU build) and `pip install tensorflow-cpu`. What is timed: `workloads.py`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

import minigan  # noqa: E402, F401, I001  (before NumPy, as in `minigan train`)

from benchmarks.results import keep, kept, show_beside_kept  # noqa: E402
from benchmarks.workloads import CHANNELS_LAST, COMPILED, EAGER, TENSORFLOW, WORKS, gan_step  # noqa: E402

ONE_THREAD = os.environ.get("OMP_NUM_THREADS") == os.environ.get("OPENBLAS_NUM_THREADS") == "1"
WARM_UP = 0.2  # of the steps that are timed, and at least one
# engine: (module that must be installed, how the peers' modules begin, options of their make_step)
ENGINES: dict[str, tuple[str, str, dict[str, Any]]] = {
    EAGER: ("torch", "pytorch", {}),
    CHANNELS_LAST: ("torch", "pytorch", {"channels_last": True}),
    COMPILED: ("torch", "pytorch", {}),
    TENSORFLOW: ("tensorflow", "keras", {}),
}


def peer_step(engine: str, name: str, batch: int, device: str) -> Callable[[], Any]:
    """One training step of a peer's."""
    _, framework, options = ENGINES[engine]
    module = WORKS[name].peer
    if device != "cpu":
        options = options | {"device": "cuda"}
    peer = __import__(f"benchmarks.peers.{framework}_{module}", fromlist=["make_step"])
    step = peer.make_step(name, batch, **options) if module == "small" else peer.make_step(batch, **options)
    if engine == COMPILED:
        import torch

        for network in {"generator", "discriminator", "block"} & set(vars(step)):
            setattr(step, network, torch.compile(getattr(step, network)))
    return step


def waiting(engine: str, device: str) -> Callable[[], Any]:
    """What waits until a device has done all that it was told."""
    if device == "cpu":
        return lambda: None
    if engine == "minigan":
        import cupy

        return cupy.cuda.Device().synchronize
    import torch

    return torch.cuda.synchronize


def child(engine: str, name: str, batch: int, device: str, size: int | None) -> None:
    """Run in a process of its own: times in seconds and the peak resident size, as JSON."""
    import resource

    if engine != "minigan":
        step = peer_step(engine, name, batch, device)
    else:
        from minigan import backend

        backend.keep_freed_memory()  # as a run does
        step = WORKS[name].make(batch, device) if size is None else gan_step(name, batch, device, size)
    wait, work = waiting(engine, device), WORKS[name]
    steps = max(1, round(work.steps * min(8, work.batches[0] / batch)))
    times = []
    for _ in range(max(1, round(WARM_UP * steps)) + steps):
        wait()
        began = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - began)
    times = times[-steps:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"median": statistics.median(times), "min": min(times), "peak": peak}))


def measure(engine: str, name: str, batch: int, device: str, size: int | None = None) -> dict[str, float]:
    """One round of one engine."""
    command = [sys.executable, __file__, "--child", engine, "--work", name, "--batch", str(batch), "--device", device]
    command += [] if size is None else ["--size", str(size)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{engine} failed on {name}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(name: str, batch: int, rounds: int, device: str) -> dict[str, dict[str, float]]:
    """Print one table; by what is compared, the ratio, and both times and peaks of memory."""
    installed = [e for e in WORKS[name].engines if importlib.util.find_spec(ENGINES[e][0])]
    if device != "cpu":
        installed = [e for e in installed if ENGINES[e][1] == "pytorch"]
    results: dict[str, list[dict[str, float]]] = {engine: [] for engine in ("minigan", *installed)}
    for _ in range(rounds):
        for engine in results:
            results[engine].append(measure(engine, name, batch, device))
    print(f"\n{name}, batch {batch}, {rounds} rounds")
    print(f"  {'engine':<24}{'median ms':>11}{'fastest ms':>12}{'minigan / it':>14}{'peak MB':>10}")
    figures: dict[str, dict[str, float]] = {}
    ours_ms = statistics.median(r["median"] for r in results["minigan"]) * 1e3
    ours_mb = max(r["peak"] for r in results["minigan"]) / 1e6
    for engine, found in results.items():
        pairs = zip(results["minigan"], found, strict=True)
        ratio = statistics.median(ours["median"] / theirs["median"] for ours, theirs in pairs)
        shown = "" if engine == "minigan" else f"{ratio:.2f}"
        median = statistics.median(r["median"] for r in found) * 1e3
        fastest = min(r["min"] for r in found) * 1e3
        peak = max(r["peak"] for r in found) / 1e6
        if engine != "minigan":
            what = f"{name}, batch {batch}, {engine}{', one thread' * ONE_THREAD}{', a GPU' * (device != 'cpu')}"
            figures[what] = {
                "ratio": round(ratio, 3), "minigan_ms": round(ours_ms, 1), "peer_ms": round(median, 1),
                "minigan_mb": round(ours_mb), "peer_mb": round(peak),
            }  # fmt: skip
        print(f"  {engine:<24}{median:>11.1f}{fastest:>12.1f}{shown:>14}{peak:>10.0f}", flush=True)
    return figures


EXPONENTS = (  # a step's time ∝ (batch or pixels)^exponent, between two sizes: (model, batches, sizes of images)
    ("dcgan28", (64, 256), (None, None)), ("quick28", (64, 256), (None, None)), ("mlp", (100, 800), (None, None)),
    ("dcgan64", (16, 64), (None, None)), ("dcgan64", (16, 16), (32, 64)), ("dcgan64", (16, 16), (64, 128)),
)  # fmt: skip


def exponents(rounds: int, device: str) -> dict[str, dict[str, float]]:
    """Print how minigan's time grows: 1 is linear."""
    figures = {}
    print("\na step's time grows as (batch or pixels)^exponent")
    for name, batches, sizes in EXPONENTS:
        pairs = zip(batches, sizes, strict=True)
        small, large = (
            min(measure("minigan", name, batch, device, size)["median"] for _ in range(rounds)) for batch, size in pairs
        )
        (b, many), (side, longer) = batches, sizes
        grown = many / b if side is None or longer is None else (longer / side) ** 2
        what = f"batch {b} to {many}" if side is None else f"batch {b}, {side}×{side} to {longer}×{longer}"
        exponent = math.log(large / small) / math.log(grown)
        figures[f"{name}, {what}"] = {"exponent": round(exponent, 2)}
        print(f"  {name:10}{what:30}{exponent:.2f}", flush=True)
    return figures


def table() -> list[str]:
    """What was kept of a CPU, each work beside its fastest peer, and the exponents, as lines of Markdown."""
    found = kept(__file__)
    lines = [
        "| one training step | minigan | its fastest peer | ratio, paired | peak memory, and the peer's |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, work in WORKS.items():
        for batch in work.batches:
            peers = {e: found[what] for e in ENGINES if (what := f"{name}, batch {batch}, {e}") in found}
            if peers:
                engine, it = max(peers.items(), key=lambda peer: peer[1]["ratio"])
                lines.append(
                    f"| {name}, batch {batch:,} | {it['minigan_ms']:.0f} ms | {engine}, {it['peer_ms']:.0f} ms "
                    f"| {it['ratio']:.2f} | {it['minigan_mb']} MB, {it['peer_mb']} MB |"
                )
    grown = [f"{what}: {figures['exponent']:.2f}" for what, figures in found.items() if "exponent" in figures]
    return [*lines, "", *([f"Exponents: {'; '.join(grown)}."] if grown else [])]


def import_times() -> None:
    """Print how long `import minigan` takes, and whether it brings matplotlib along."""
    code = (
        "import time; t = time.perf_counter(); import minigan, sys; "
        "print(time.perf_counter() - t, 'matplotlib' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent) for _ in range(7)]
    seconds = [float(run.stdout.split()[0]) for run in runs]
    brings = runs[0].stdout.split()[1] == "True"
    print(f"\nimport minigan: median {statistics.median(seconds):.3f} s, fastest {min(seconds):.3f} s", end="")
    print(f", {'with' if brings else 'without'} matplotlib")


def main() -> None:
    """Compare what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", choices=list(WORKS), action="append", help="only this; may be given several times")
    parser.add_argument("--batch", type=int, help="another batch size than the usual")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--exponents", action="store_true", help="only how a step's time grows")
    parser.add_argument("--keep", action="store_true", help="write what is found to compare.json")
    parser.add_argument("--table", action="store_true", help="only print what was kept, as the README's table")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.work[0], arguments.batch, arguments.device, arguments.size)
        return
    if arguments.table:
        print("\n".join(table()))
        return
    load = f", load {os.getloadavg()[1]:.1f}" if hasattr(os, "getloadavg") else ""
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores{load}, Python {platform.python_version()}")
    figures: dict[str, dict[str, float]] = {}
    if not arguments.exponents:
        for name in arguments.work or WORKS:
            for batch in [arguments.batch] if arguments.batch else WORKS[name].batches:
                figures |= compare(name, batch, arguments.rounds, arguments.device)
    if not arguments.work:
        figures |= exponents(arguments.rounds, arguments.device)
        import_times()
    show_beside_kept(__file__, figures)
    if arguments.keep:
        keep(__file__, figures, *{module for module, *_ in ENGINES.values()})


if __name__ == "__main__":
    main()

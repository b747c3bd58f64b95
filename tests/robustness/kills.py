"""Kill runs at random moments, resume them, and compare what they leave with a run that nobody disturbed.

    python tests/robustness/kills.py                 200 kills of seed 0
    python tests/robustness/kills.py --kills 20 --seed fresh

Every run trains a small GAN for some epochs. It is killed by a signal of those that come from people and machines, at
any moment from its first instruction on, also while it resumes, until it has been killed several times; then it is
left to finish. Its checkpoints, lines of statistics and pictures must be those of the undisturbed run, to the bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KILLS_OF_A_RUN = 5
OPTIONS = ["--model", "mlp", "--batch-size", "8", "--epochs", "6", "--ema-decay", "0.9", "--grid", "4"]
ENVIRONMENT = os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def minigan(*words: str | Path) -> subprocess.Popen[str]:
    """The command in a process of its own, on one thread, so that sums are equal to the bit."""
    return subprocess.Popen(
        [sys.executable, "-m", "minigan", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def left_by(run: Path) -> dict[str, Any]:
    """All that must be the same: files by their place, without times."""
    from minigan.training.checkpoint import load_checkpoint

    left: dict[str, Any] = {}
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = path.relative_to(run).as_posix()
        if path.suffix == ".safetensors":
            checkpoint = load_checkpoint(path)
            arrays = {key: array.tobytes() for key, array in checkpoint.arrays.items()}
            left[name] = arrays | {key: v for key, v in checkpoint.progress.items() if key != "seconds"}
        elif path.suffix == ".jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            left[name] = [{key: v for key, v in line.items() if key != "seconds"} for line in lines]
        elif name != "log.txt":
            left[name] = path.read_bytes()
    return left


def only_run(runs: Path) -> Path | None:
    """The run that can go on; None if there is none yet."""
    found = sorted(runs.glob("*/ckpt/last.safetensors"))
    return found[-1].parent.parent if found else None


def disturbed(seed: int, folder: Path, data: Path, kills: int, length: float) -> tuple[Path, Counter[str], list[str]]:
    """A run that was killed so often, and finished; which signals it met, and what it said that it should not."""
    rng, met, trouble = random.Random(seed), Counter[str](), []
    while True:
        run = only_run(folder)
        words = ["--resume", run] if run else ["--data", data, *OPTIONS, "--out", folder]
        process = minigan("train", *words)
        if sum(met.values()) < kills:
            time.sleep(rng.uniform(0.0, 1.1 * length))
            which = rng.choice(SIGNALS)
            if process.poll() is None:
                process.send_signal(which)
                met[which.name] += 1
        try:
            _, said = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            return folder, met, [*trouble, "it did not end"]
        if "Traceback" in said:
            traceback = said[said.index("Traceback") :]
            # Ctrl-C may meet Python before it has come to minigan's first line: then it is Python's own word.
            if any(not file.startswith("<frozen") for file in re.findall(r'File "([^"]*)"', traceback)):
                trouble.append(traceback[-1500:])
        last = (said.strip().splitlines() or [""])[-1]
        ended = process.returncode == 0 or "has done" in last
        if ended and sum(met.values()) >= kills:
            return only_run(folder) or folder, met, trouble
        if ended:  # before its kills were spent: the rest of them meet a new run
            shutil.rmtree(folder)
            folder.mkdir()
        elif process.returncode not in (1, 130, *(-s for s in SIGNALS)):
            return folder, met, [*trouble, f"exit code {process.returncode}: {last}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many in all (default: 200)")
    parser.add_argument("--seed", default="0", help="a number, or fresh (default: 0)")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if chosen.seed == "fresh" else int(chosen.seed)
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    data = folder / "data.npz"
    np.savez(data, images=np.random.default_rng(0).integers(0, 256, (40, 28, 28), "uint8"))
    try:
        began = time.monotonic()
        whole = minigan("train", "--data", data, *OPTIONS, "--out", folder / "whole")
        if whole.wait():
            print(whole.stderr.read() if whole.stderr else "", file=sys.stderr)
            return 1
        length = time.monotonic() - began
        expected = left_by(only_run(folder / "whole") or folder)
        counts = [KILLS_OF_A_RUN] * (chosen.kills // KILLS_OF_A_RUN)
        counts += [chosen.kills % KILLS_OF_A_RUN] if chosen.kills % KILLS_OF_A_RUN else []
        jobs = []
        for i, kills in enumerate(counts):
            (folder / f"{i:03d}").mkdir()
            jobs.append((seed * 1000 + i, folder / f"{i:03d}", data, kills, length))
        failed, met = 0, Counter[str]()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda job: disturbed(*job), jobs)
            for job, (run, signals, trouble) in zip(jobs, tqdm(results, "runs", len(jobs), disable=None), strict=True):
                met += signals
                found = left_by(run)
                trouble += [
                    f"{name} {'is missing' if name not in found else 'differs'}"
                    for name in expected
                    if found.get(name) != expected[name] and name != "config.json"
                ]
                trouble += [f"{name} is left over" for name in found if name not in expected]
                if trouble:
                    failed += 1
                    print(f"the run of seed {job[0]}, killed by {dict(signals)}:", *trouble, sep="\n    ")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(met.items()))
    print(f"seed {seed}: {len(jobs)} runs, killed {sum(met.values())} times ({kinds}); {failed} are not as undisturbed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

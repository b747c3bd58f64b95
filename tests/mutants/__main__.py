"""Plants mistakes in minigan, one at a time, and says which the tests did not notice.

    python tests/mutants                       all of them, on all cores: some minutes
    python tests/mutants -k batch_norm         those whose file or name matches a pattern
    python tests/mutants --budget 120 --seed 7 as many as two minutes allow, in an order drawn from 7
    python tests/mutants --list                what there is
    python tests/mutants --rename OLD NEW      carry the tables over where a name or a file's place has changed

A test suite is worth what it notices. The tables beside this file (see `mistakes.py`) hold mistakes
that a hand-written backward pass, kernel, optimiser or training step could well have: a lost sign,
1/N, a swapped axis, a factor that second derivatives need. Each is planted in a copy of the
package, and the tests that are about it are run on the copy. A mistake is killed if a test fails,
or if the tests hang (`--timeout`). One that survives is a test that is missing, or a text that
computes the same, which then is no mistake and has no place in the tables.

Exit codes: 0 all were killed, 1 some survived, 2 the tables, the options or the tests themselves
are wrong, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from mistakes import TABLES, Mistake, TableError, read_tables, rename
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("minigan", "lessons", "tests", "setup.cfg")
WRONG_PACKAGE = 99

# pytest in a process that has made sure of its minigan: another one may be installed. One failure is
# enough, so hypothesis need not look for the simplest: that takes much longer than to find one.
PYTEST = f"""
import sys
sys.modules["torch"] = None  # a peer that not everyone has: what it alone would notice, the tests do not
import pytest, minigan

class WithoutShrinking:
    def pytest_configure(self):
        if "hypothesis" in sys.modules:
            from hypothesis import Phase, settings
            settings.register_profile("mutants", settings(), phases=[Phase.explicit, Phase.generate])
            settings.load_profile("mutants")

if not minigan.__file__.startswith(sys.argv[1]):
    print("minigan was imported from", minigan.__file__)
    sys.exit({WRONG_PACKAGE})
options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=short"]
sys.exit(pytest.main([*options, *sys.argv[2:]], plugins=[WithoutShrinking()]))
"""


class TestsError(RuntimeError):
    """The tests could not be run, or fail without any mistake."""


@dataclass
class Result:
    """What became of a mistake."""

    mistake: Mistake
    verdict: str
    seconds: float

    @property
    def survived(self) -> bool:
        return self.verdict == "SURVIVED"


class Copy:
    """The package and its tests in a folder of their own, to plant mistakes in."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen | None = None
        self.stopped, self.lock = False, threading.Lock()
        leave = shutil.ignore_patterns("__pycache__", ".*")
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name, ignore=leave)
            elif (root / name).exists():
                shutil.copy2(root / name, folder / name)

    def run(self, tests: list[str] | tuple[str, ...], timeout: float) -> tuple[int | None, str]:
        """pytest's exit code and output, for the first failure at most; None where it took too long."""
        # No bytecode: a mistake of the old text's length, planted within a second, would be taken for the old text.
        settings = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
        settings["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer to load than most of the tests to run
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"} | settings
        with self.lock:
            if self.stopped:
                raise TestsError("stopped")
            self.process = subprocess.Popen(
                [sys.executable, "-c", PYTEST, str(self.folder), *tests],
                cwd=self.folder, env=environment, text=True, encoding="utf-8", errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            output, _ = self.process.communicate(timeout=timeout)
            return self.process.returncode, output
        except subprocess.TimeoutExpired:
            self._kill()
            self.process.communicate()
            return None, ""
        finally:
            self.process = None

    def judge(self, mistake: Mistake, timeout: float) -> str:
        """Plant a mistake, run its tests, take it out again; the verdict."""
        path = self.folder / mistake.file
        right = path.read_text(encoding="utf-8")
        path.write_text(mistake.planted_in(right), encoding="utf-8")
        try:
            code, output = self.run(mistake.tests, timeout)
        finally:
            path.write_text(right, encoding="utf-8")
        if code == 0:
            return "SURVIVED"
        if code is None:
            return f"killed: timed out after {timeout:g} s"
        told = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", output, re.MULTILINE)
        ended = output.strip().rpartition("\n")[2] or f"exit code {code}"  # it cannot be imported, or crashed
        return f"killed by {told[1] if told else ended}"

    def stop(self) -> None:
        """End the tests that run, and begin no others."""
        with self.lock:
            self.stopped = True
            self._kill()

    def _kill(self) -> None:
        process = self.process
        if process is None:
            return
        with suppress(ProcessLookupError):  # it ended just now
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)  # with all processes that a test may have started
            else:
                process.kill()


def check_without_mistakes(copies: list[Copy], pool: ThreadPoolExecutor, chosen: list[Mistake], timeout: float) -> None:
    """The tests must pass on the copies as they are: else they would kill whatever is planted."""
    tests = sorted({test for mistake in chosen for test in mistake.tests})
    shares = [tests[i :: len(copies)] for i in range(len(copies))]
    runs = [pool.submit(copy.run, share, timeout) for copy, share in zip(copies, shares, strict=True) if share]
    for run in runs:
        code, output = run.result()
        if code != 0:
            raise TestsError(f"the tests must pass before any mistake is planted:\n{output or 'they hang'}")


def judge_all(chosen: list[Mistake], options: argparse.Namespace, results: list[Result]) -> None:
    """Judge the mistakes on as many copies as there are jobs; `results` are added to as they come."""
    end = time.monotonic() + options.budget
    with tempfile.TemporaryDirectory(prefix="minigan-mutants-") as folder:
        jobs = max(1, min(options.jobs, len(chosen)))
        copies = [Copy(options.root, Path(folder).resolve() / str(i)) for i in range(jobs)]
        idle: SimpleQueue[Copy] = SimpleQueue()
        for copy in copies:
            idle.put(copy)

        def judge(mistake: Mistake) -> Result | None:
            began = time.monotonic()
            if began > end:
                return None
            copy = idle.get()
            try:
                return Result(mistake, copy.judge(mistake, options.timeout), time.monotonic() - began)
            finally:
                idle.put(copy)

        pool = ThreadPoolExecutor(jobs)
        try:
            check_without_mistakes(copies, pool, chosen, 20 * options.timeout)
            futures = [pool.submit(judge, mistake) for mistake in chosen]
            with tqdm(as_completed(futures), total=len(futures), unit="mistake", dynamic_ncols=True) as bar:
                for future in bar:
                    result = future.result()
                    if result is not None:
                        results.append(result)
                        if result.survived:
                            bar.write(f"SURVIVED: {result.mistake.name} ({result.mistake.where})", file=sys.stderr)
        except BaseException:
            for copy in copies:
                copy.stop()
            pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def report(results: list[Result], chosen: list[Mistake]) -> None:
    """One line a mistake, in the tables' order, and the sum of it."""
    order = {id(mistake): i for i, mistake in enumerate(chosen)}
    rows = [("mistake", "file", "verdict", "seconds")]
    for r in sorted(results, key=lambda r: order[id(r.mistake)]):
        rows.append((r.mistake.name, r.mistake.file, r.verdict, f"{r.seconds:.1f}"))
    print_table(rows)
    survivors = [r for r in results if r.survived]
    rest = len(chosen) - len(results)
    unjudged = f", {rest} were not run" if rest else ""
    print(f"\n{len(results)} mistakes: {len(results) - len(survivors)} killed, {len(survivors)} survived{unjudged}")


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "python tests/mutants", None, summary, rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("tables", nargs="*", type=Path, default=TABLES, metavar="TABLE", help="tables of mistakes (default: all here)")
    add("-k", metavar="PATTERN", default="", help="only mistakes in whose file or name this regular expression occurs")
    add("--list", action="store_true", help="print the mistakes and their tests, and run nothing")
    add("--rename", nargs=2, metavar=("OLD", "NEW"), help="replace a name or a path in the tables, and run nothing")
    add("--jobs", type=int, default=os.cpu_count(), metavar="N", help="how many at a time (default: %(default)s)")
    add("--timeout", type=float, default=60, metavar="SECONDS", help="for one mistake's tests (default: %(default)s)")
    add("--budget", type=float, metavar="SECONDS", help="begin none after so long, and take them in a random order")
    add("--seed", type=int, default=0, help="of that order (default: %(default)s)")
    add("--root", type=Path, default=ROOT, metavar="FOLDER", help="the checkout to plant them in (default: this one)")
    options = parser.parse_args(arguments)
    options.root = options.root.resolve()
    return options


def main(arguments: list[str] | None = None) -> int:
    options = options_of(arguments)
    if options.rename:
        print(f"replaced {rename(options.tables, *options.rename)} times")
        return 0
    try:
        wanted = re.compile(options.k, re.IGNORECASE)
        chosen = [m for m in read_tables(options.tables) if wanted.search(f"{m.file} {m.name}")]
        for mistake in chosen:
            mistake.planted_in((options.root / mistake.file).read_text(encoding="utf-8"))
    except (TableError, OSError, re.error) as error:
        print(f"python tests/mutants: {error}", file=sys.stderr)
        return 2
    if not chosen:
        print("python tests/mutants: no mistake matches", file=sys.stderr)
        return 2
    if options.list:
        print_table([("mistake", "file", "tests"), *((m.name, m.file, " ".join(m.tests)) for m in chosen)])
        return 0
    if options.budget is None:
        options.budget = float("inf")
    else:
        random.Random(options.seed).shuffle(chosen)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill tidies up as Ctrl-C does
    results: list[Result] = []
    try:
        judge_all(chosen, options, results)
    except TestsError as error:
        print(f"python tests/mutants: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        report(results, chosen)
        return 130
    report(results, chosen)
    return 1 if any(r.survived for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())

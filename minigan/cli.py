"""The command line: `minigan train | sample | trace | check | lesson | check-lesson | lessons | doctor`.

Exit codes: 0 done, 1 the work failed or was stopped, 2 bad usage. An error is one sentence on
stderr; `--debug` shows the traceback instead.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

DONE, FAILED, USAGE = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    try:
        try:
            return _run(_parser().parse_args(argv))
        finally:
            print(end="", flush=True)
    except BrokenPipeError:  # whoever read the output has gone; Python's own last flush must find a reader
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        _end("nobody reads on", FAILED)
        return FAILED


def _run(arguments: argparse.Namespace) -> int:
    try:
        return arguments.command(arguments)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        code, message = _verdict(error, arguments.name)
        trace = traceback.format_exc() if arguments.debug else ""
        _end(f"{trace}minigan {arguments.name}: {message}", code)
        return code


def _end(message: str, code: int) -> None:
    """Say it; if several processes train together, they all end."""
    mpi = sys.modules.get("minigan.training.mpi")
    if mpi is None:
        _say(message)
    else:
        mpi.end(_say, message, code)


_SMALLER = {"train": ": try a smaller --batch-size", "sample": ": try a smaller --n"}


def _verdict(error: BaseException, command: str) -> tuple[int, str]:
    """The exit code, and what is said to the user."""
    from minigan.autograd import AnomalyError
    from minigan.backend import DeviceError
    from minigan.data import DataError
    from minigan.gpu import is_out_of_memory, out_of_memory
    from minigan.lesson import LessonError
    from minigan.testing.check import TargetError
    from minigan.training import ConfigError, Interrupted, TrainingError
    from minigan.words import one_line

    match error:
        case ConfigError() | TargetError() | LessonError():
            return USAGE, str(error)
        case DataError() | DeviceError() | TrainingError() | AnomalyError() | Interrupted():
            return FAILED, str(error)
        case KeyboardInterrupt():
            return FAILED, "stopped"
        case _ if is_out_of_memory(error):
            return FAILED, f"out of memory ({out_of_memory(error)}){_SMALLER.get(command, '')}"
        case OSError():
            return FAILED, f"{error.filename or 'the system'}: {error.strerror or error}"
        case _ if type(error).__module__.startswith("cupy"):
            told = f"the GPU failed ({type(error).__name__}: {one_line(error)})"
            return FAILED, f"{told}: minigan doctor --device gpu tells whether it computes rightly"
    # The last resort, so that no user meets a traceback unasked.
    return FAILED, f"unexpected {type(error).__name__}: {error} (--debug shows where)"


# --- train ---------------------------------------------------------------------------------------


def _train(arguments: argparse.Namespace) -> int:
    from minigan.gpu import is_out_of_memory
    from minigan.training.progress import program

    team = _team(arguments.data_parallel)
    run = _resumed(arguments, team) if arguments.resume else _started(arguments, team)
    if arguments.dry_run:
        _say("dry run: nothing is trained or written")
        print(run.config.to_json(), end="")
        return DONE
    # The run looks for what is not finite itself, and says more than NumPy's warnings (of whichever module).
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    try:
        run.train(arguments.detect_anomaly, arguments.trace_every or 0)
    except Exception as error:
        if is_out_of_memory(error):
            raise _too_much(run, error) from error
        raise
    _say(f"Done in {_clock(run.seconds)}. Look at {run.folder.path / 'samples'}")
    _say(f"Draw more with: {program()} sample {shlex.quote(str(run.folder.path))}")
    return DONE


def _team(wanted: bool) -> Any:
    """The processes to train with: those that mpiexec started, if it is wanted. Only the first one speaks."""
    from minigan.training import ConfigError, mpi
    from minigan.training.team import ALONE

    rank, launched = mpi.launched_as()
    if wanted:
        team = mpi.join()
        team.share_cores()
        return team
    if launched == 1:
        return ALONE
    if rank:
        mpi.fall_silent()  # the first one says it
    raise ConfigError(
        f"mpiexec started {launched} processes, which would all train the same run: with --data-parallel they train "
        "one run together"
    )


def _started(arguments: argparse.Namespace, team: Any) -> Any:
    from minigan.training import Config, prepare, start

    choices = _choices(arguments)
    config = Config.load(arguments.config, **choices) if arguments.config else Config.for_model(**choices)
    run = prepare(config, team) if arguments.dry_run else start(config, arguments.out, team)
    _announce(run)
    if run.folder is not None:
        _say(f"run folder {run.folder.path}")
    return run


def _resumed(arguments: argparse.Namespace, team: Any) -> Any:
    from minigan.training import ConfigError, resume
    from minigan.training.checkpoint import find_checkpoint

    if arguments.config:
        raise ConfigError("--config and --resume exclude each other: a run goes on with its own configuration")
    run = resume(find_checkpoint(arguments.resume, Path(arguments.out)), team, **_choices(arguments))
    _announce(run)
    _say(f"going on in {run.folder.path} from step {run.step} (epoch {run.epoch + 1})")
    return run


_CHOICES = (
    "model", "data", "channels", "objective", "step", "epochs", "batch_size", "lr", "lr_G", "lr_D", "averaging",
    "seed", "checkpoint_every", "device", "tf32", "sync_batch_norm",
)  # fmt: skip


def _choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was chosen on the command line: it goes on top of a file's choices, and these on the model's defaults."""
    choices = {name: value for name in _CHOICES if (value := getattr(arguments, name)) is not None}
    lr = choices.pop("lr", None)
    return choices if lr is None else {"lr_G": lr, "lr_D": lr} | choices


def _too_much(run: Any, error: Exception) -> Exception:
    """The error of a run that found no memory. The step it fell in is half done, so what it learnt since the last
    checkpoint is not saved."""
    from minigan.gpu import out_of_memory
    from minigan.training import TrainingError

    half = max(2, run.config.batch_size // 2)
    text = f"out of memory on {run.device} at step {run.step + 1} ({out_of_memory(error)})"
    text += f": start again with --batch-size {half}"
    if run.folder.last_checkpoint.is_file():
        text += f", or go on with this run where there is more: {run.resuming} (--device names another)"
    return TrainingError(text)


def _announced(spec: str | None) -> Any:
    """The device that is meant, said with the reason."""
    from minigan.backend import choose_device

    device, why = choose_device(spec)
    _say(f"device {device} ({why})")
    return device


def _announce(run: Any) -> None:
    for line in run.describe():
        _say(line)


# --- sample --------------------------------------------------------------------------------------


def _sample(arguments: argparse.Namespace) -> int:
    from minigan.training.checkpoint import find_checkpoint
    from minigan.training.sampling import draw_noise, generate, load_generator, walk

    path = find_checkpoint(arguments.checkpoint, Path(arguments.runs))
    outs = [Path(out) for out in arguments.out or [f"samples-s{arguments.seed}.png"]]
    _check_outs(outs)
    G, config = load_generator(path, str(_announced(arguments.device)))
    _say(f"{config.model} from {path}")
    z = draw_noise(arguments.n, G.z_dim, arguments.seed)
    images = generate(G, z) if any(out.suffix != ".gif" for out in outs) else None
    for out in outs:
        if out.suffix == ".gif":
            cells = min(arguments.n, 16)
            points = draw_noise(cells * 4, G.z_dim, arguments.seed).reshape(cells, 4, G.z_dim)
            _save_walk(out, G, [walk(z, steps=12) for z in points], generate)
        else:
            _save_images(out, images)
        _say(f"wrote {out}")
    return DONE


def _check_outs(outs: list[Path]) -> None:
    from minigan.training import ConfigError

    for out in outs:
        if out.suffix not in (".png", ".npz", ".gif"):
            raise ConfigError(f"--out {out}: the name must end in .png (a grid), .npz (arrays) or .gif (a walk)")
        if not out.absolute().parent.is_dir():
            raise ConfigError(f"--out {out}: there is no folder {out.parent}")


def _save_images(out: Path, images: Any) -> None:
    import numpy as np

    from minigan.training import pictures
    from minigan.training.files import write_atomically

    if out.suffix == ".png":
        pictures.save_png(out, pictures.grid(images))
    else:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=pictures.to_bytes(images))
        write_atomically(out, buffer.getvalue())


def _save_walk(out: Path, G: Any, walks: list, generate: Any) -> None:
    import numpy as np
    from tqdm import tqdm

    from minigan.training import pictures

    # At each moment of the film one image of every walk.
    moments = tqdm(np.stack(walks, axis=1), "drawing", delay=1, disable=None)
    pictures.save_gif(out, [pictures.grid(generate(G, z)) for z in moments], seconds=0.06)


# --- check ---------------------------------------------------------------------------------------


def _check(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from minigan.backend import set_default_device
    from minigan.testing.check import HEADER, checks, judged, place_of

    if arguments.device:
        set_default_device(_announced(arguments.device))
    todo = checks(arguments.targets, arguments.order, arguments.cases, arguments.seed)
    rows = []
    print(HEADER, flush=True)
    with tqdm(total=len(todo), desc="checking", leave=False, disable=None) as bar:
        for row in judged(todo, whole=not arguments.targets):
            rows.append(row)
            bar.write(str(row))
            bar.update()
    wrong = [row for row in rows if row.trouble]
    for row in wrong:
        where = "" if isinstance(row.trouble, AssertionError) else place_of(row.trouble)
        print(f"\n{row.name}{row.at and f', called on {row.at}'}: {row.trouble}{where}")
        if arguments.debug:
            traceback.print_exception(row.trouble)
    for row in rows:
        if row.advice:
            print(f"\n{row.name} is right, and could be cheaper: {row.advice}")
    cases = sum(row.cases for row in rows)
    print(f"\n{len(rows) - len(wrong)} of {len(rows)} functions right, in {cases} cases")
    return FAILED if wrong else DONE


# --- trace ---------------------------------------------------------------------------------------


def _trace(arguments: argparse.Namespace) -> int:
    from minigan.training.files import write_atomically

    trace = _traced(arguments)
    if arguments.text:
        from minigan.trace.text import step_through

        step_through(trace)
    if arguments.html:
        from minigan.trace.page import trace_page

        write_atomically(Path(arguments.html), trace_page(trace).encode())
        _say(f"wrote {arguments.html}: open it in a browser")
    if arguments.out or not (arguments.text or arguments.html):
        out = Path(arguments.out or "trace.json")
        write_atomically(out, trace.to_json().encode())
        _say(f"wrote {out}: {len(trace.frames)} frames")
    return DONE


def _traced(arguments: argparse.Namespace) -> Any:
    """The step of a checkpoint; without one, of a fresh model."""
    from minigan.training import Config, ConfigError
    from minigan.training.checkpoint import find_checkpoint
    from minigan.training.tracing import trace_checkpoint, trace_fresh

    warnings.filterwarnings("ignore", category=RuntimeWarning)  # what is not finite is in the trace
    changes = {name: value for name in ("data", "device") if (value := getattr(arguments, name)) is not None}
    runs = Path(arguments.runs)
    if arguments.model and arguments.checkpoint:
        raise ConfigError("--model makes a fresh model, so it excludes a checkpoint: a checkpoint has its own")
    if arguments.model or not (arguments.checkpoint or list(runs.glob("*/ckpt/last.safetensors"))):
        config = Config.for_model(arguments.model or "quick28", **changes)
        _say(f"a step of a fresh {config.model}, which has learnt nothing yet")
        return trace_fresh(config, arguments.seed)
    if (arguments.checkpoint or "").endswith(".json"):
        return _saved_trace(Path(arguments.checkpoint))
    path = find_checkpoint(arguments.checkpoint or "last", runs)
    _say(f"a step from {path}")
    return trace_checkpoint(path, arguments.seed, **changes)


def _saved_trace(path: Path) -> Any:
    from minigan.trace import Trace, TraceError
    from minigan.training import ConfigError

    try:
        return Trace.from_json(path.read_text(encoding="utf-8"))
    except (TraceError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


# --- lessons -------------------------------------------------------------------------------------


def _lesson(arguments: argparse.Namespace) -> int:
    from minigan import lesson
    from minigan.terminal import styled

    if arguments.which:
        lesson.play(lesson.find(arguments.which), arguments.start - 1)
        return DONE
    for path in lesson.lessons():
        print(f"{styled(path.stem[:2], 'bold')}  {lesson.title(path)}")
    _say("minigan lesson 01 begins; minigan check-lesson 01 judges its exercise")
    return DONE


def _check_lesson(arguments: argparse.Namespace) -> int:
    from minigan import lesson

    path = lesson.find(arguments.which)
    solution = path.parent / "solutions" / path.name if arguments.solution else None
    trouble = lesson.check(path, solution)
    print(f"{path.stem}: {trouble or 'solved'}")
    return FAILED if trouble else DONE


def _build_lessons(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from minigan import lesson

    out = Path(arguments.out)
    for path in tqdm(lesson.build(out), "building", total=2 * len(lesson.lessons()), disable=None):
        tqdm.write(str(path))
    return DONE


# --- doctor --------------------------------------------------------------------------------------


def _doctor(arguments: argparse.Namespace) -> int:
    from minigan.doctor import examine

    return DONE if examine(arguments.device) else FAILED


# --- the parser ----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    from minigan import __version__
    from minigan.models import MODELS

    parser = _Parser(prog="minigan", description="A GAN you can see through, on NumPy and CuPy.")
    parser.add_argument("--version", action="version", version=f"minigan {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="train | sample | doctor", dest="name")

    train = commands.add_parser("train", help="train a GAN; without options: digits on a CPU in minutes")
    train.set_defaults(command=_train)
    _add_train_options(train)

    sample = commands.add_parser("sample", help="draw from a trained generator: a grid, arrays, a walk")
    sample.set_defaults(command=_sample)
    sample.add_argument("checkpoint", nargs="?", default="last", help="a run's folder, a checkpoint, or last (default)")
    sample.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    sample.add_argument("--n", type=_count, default=64, help="how many samples (default: 64)")
    sample.add_argument("--seed", type=_natural, default=0, help="of the noise (default: 0)")
    sample.add_argument(
        "--out", action="append", metavar="FILE",
        help=".png a grid, .npz the bytes of the images, .gif a walk between noises; may be given several times",
    )  # fmt: skip

    trace = commands.add_parser("trace", help="record one training step: every layer's values and gradients")
    trace.set_defaults(command=_trace)
    trace.add_argument(
        "checkpoint", nargs="?", metavar="RUN|FILE",
        help="a run's folder, a checkpoint, or last (default: last, or a fresh model if none); or a saved trace.json",
    )  # fmt: skip
    trace.add_argument("--model", choices=list(MODELS), help="a fresh one, that has learnt nothing yet")
    trace.add_argument("--data", help="a batch of these images instead of the run's own")
    trace.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    trace.add_argument("--seed", type=_natural, default=0, help="of the batch and the noise (default: 0)")
    trace.add_argument("--text", action="store_true", help="step through it in the terminal; a file only with --out")
    trace.add_argument("--html", metavar="FILE", help="write it as a page to step through in a browser")
    trace.add_argument("--out", metavar="FILE", help="write the trace as JSON (default: trace.json)")

    check = commands.add_parser(
        "check", help="judge backward passes: the engine's, or your own", formatter_class=argparse.RawTextHelpFormatter,
        description="Check derivatives and invariants of every function, or of those named.",
    )  # fmt: skip
    check.set_defaults(command=_check)
    check.add_argument(
        "targets", nargs="*", metavar="TARGET",
        help="a function of minigan (conv2d), or your own: module:MyFunction or file.py:MyFunction,\n"
        "a module or file alone for all Functions in it (default: the whole engine)",
    )  # fmt: skip
    check.add_argument("--order", type=int, choices=(1, 2, 3), help="of the derivatives (default: 2; some 3)")
    check.add_argument("--cases", type=_count, default=10, help="random calls of each function (default: 10)")
    check.add_argument("--seed", type=_natural, default=0, help="of the random calls (default: 0)")
    check.add_argument("--device", type=_device, help="where they are judged: cpu (default), gpu or gpu:N")
    check.add_argument("--debug", action="store_true", help="show the traceback of an error")

    lesson = commands.add_parser("lesson", help="step through a lesson in the terminal; without a number, list them")
    lesson.set_defaults(command=_lesson)
    lesson.add_argument("which", nargs="?", metavar="NN", help="its number, a part of its name, or a file")
    lesson.add_argument("--start", type=_count, default=1, metavar="CELL", help="where to begin (default: 1)")
    check_lesson = commands.add_parser("check-lesson", help="judge the exercise in a lesson's file")
    check_lesson.set_defaults(command=_check_lesson)
    check_lesson.add_argument("which", metavar="NN", help="the lesson's number, a part of its name, or a file")
    check_lesson.add_argument("--solution", action="store_true", help="judge the solution that comes with it instead")
    lessons = commands.add_parser("lessons", help="make all lessons notebooks and pages")
    lessons.set_defaults(command=_build_lessons)
    lessons.add_argument("action", choices=["build"])
    lessons.add_argument("--out", default="build/lessons", help="the folder to write (default: build/lessons)")
    for command in (lesson, check_lesson, lessons):
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")

    doctor = commands.add_parser("doctor", help="versions, BLAS, devices, and a self-check of the engine")
    doctor.set_defaults(command=_doctor)
    for command in (train, sample, trace, doctor):
        command.add_argument("--device", type=_device, help="auto (default), cpu, gpu or gpu:N")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_train_options(train: argparse.ArgumentParser) -> None:
    from minigan.models import MODELS
    from minigan.objectives import OBJECTIVES
    from minigan.training.steps import STEPS

    what = train.add_argument_group("what to train (each model has its own defaults)")
    what.add_argument("--model", choices=list(MODELS), help="architecture (default: quick28)")
    what.add_argument("--data", help="mnist (default), a folder of IDX files, .npz, .npy, a folder or zip of images")
    what.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour (default: as the data)")
    what.add_argument("--objective", choices=list(OBJECTIVES), help="what is minimised (default: non-saturating)")
    what.add_argument("--step", choices=list(STEPS), help="who moves when (default: the model's own)")
    how = train.add_argument_group("how (default: the model's own; --dry-run shows them)")
    how.add_argument("--epochs", type=_count, help="how often to go through the data, in all")
    how.add_argument("--batch-size", type=_count, help="images a step")
    how.add_argument("--lr", type=float, help="Adam's rate for both players")
    how.add_argument("--lr-G", type=float, help="for the generator only")
    how.add_argument("--lr-D", type=float, help="for the discriminator only")
    how.add_argument("--averaging", type=float, help="how much of G's averaged weights is kept a step; 0: no average")
    how.add_argument("--seed", type=_natural, help="of weights, noise, order and dropout (default: 0)")
    run = train.add_argument_group("the run")
    run.add_argument("--out", default="runs", help="where run folders are, and are made (default: runs)")
    run.add_argument("--checkpoint-every", type=_count, metavar="EPOCHS", help="how often one stays (default: 5)")
    run.add_argument("--resume", metavar="last|PATH", help="go on with the last run, a run's folder, or a checkpoint")
    run.add_argument("--config", metavar="FILE", help="choices as JSON (a run's config.json); options go on top")
    run.add_argument(
        "--detect-anomaly", action="store_true", help="stop at the first NaN or Inf and say where it arose; slow"
    )
    run.add_argument(
        "--trace-every", type=_count, metavar="STEPS", help="save what happens in every so-many-th step (default: none)"
    )
    run.add_argument(
        "--tf32", action=argparse.BooleanOptionalAction, default=None,
        help="on a GPU, make float32 products in TF32, faster and coarser (default: off)",
    )  # fmt: skip
    run.add_argument(
        "--data-parallel", action="store_true",
        help="all processes that mpiexec started train one run together, each on its own device: each takes its share "
        "of a batch, so --batch-size and all else mean what they mean to one process, and a run can be resumed by any "
        "number of them",
    )  # fmt: skip
    run.add_argument(
        "--sync-batch-norm", action=argparse.BooleanOptionalAction, default=None,
        help="with --data-parallel: BatchNorm normalises by the whole batch, not by a process' share (default: off)",
    )  # fmt: skip
    run.add_argument("--dry-run", action="store_true", help="show the configuration as JSON, and do nothing")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()  # "²" is a digit too, but no number to int()


def _count(text: str) -> int:
    if not _is_whole(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _natural(text: str) -> int:
    if not _is_whole(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _device(text: str) -> str:
    from minigan.backend import parse_device

    try:
        return text if text == "auto" else str(parse_device(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

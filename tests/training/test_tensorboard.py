"""TensorBoard's event files hold what stats.jsonl does."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from minigan.training import Config, TrainingError, resume, start
from minigan.training.callbacks import tensorboard

pytestmark = pytest.mark.host_only("files")


def events_in(folder: Path) -> list[tuple[str, int, float]]:
    """(tag, step, value), as TensorBoard shows them: without what a later beginning struck out."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    found = []
    for path in sorted(folder.glob("events.out.tfevents.*"), key=lambda p: p.stat().st_mtime_ns):
        content, at = path.read_bytes(), 0
        while at < len(content):
            size = int.from_bytes(content[at : at + 8], "little")
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += 12 + size + 4
            if event.session_log.status == SessionLog.START:
                found = [each for each in found if each[1] < event.step]
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    return found


def expected(run):
    return [
        (tensorboard.tag(name), line["step"], math.nan if value is None else value)
        for line in run.run_dir.lines()
        for name, value in line.items()
        if name not in ("step", "epoch", "seconds")
    ]


def same(found, wanted):
    return len(found) == len(wanted) and all(
        a[:2] == b[:2] and a[2] == pytest.approx(b[2], nan_ok=True)
        for a, b in zip(sorted(found), sorted(wanted), strict=True)
    )


def test_every_line_is_there_of_a_run_that_goes_on_too(tmp_path, data):
    pytest.importorskip("tensorboardX")
    config = Config.for_model("tiny", data=data(), batch_size=16, epochs=2, grid=4, evaluate_every=1)
    run = start(config, tmp_path / "runs", tensorboard=True)
    run.train()
    folder = run.run_dir.path / "tensorboard"
    assert {tag.split("/")[0] for tag, *_ in events_in(folder)} == {"losses", "figures", "scores"}
    assert same(events_in(folder), expected(run))
    again = resume(run.run_dir.last_checkpoint, epochs=3, tensorboard=True)
    again.train()
    assert same(events_in(folder), expected(again)) and len(list(folder.iterdir())) == 2


def test_a_run_that_goes_on_without_such_files_gets_its_earlier_lines_too(begin):
    pytest.importorskip("tensorboardX")
    run = begin(1)
    run.train()
    again = resume(run.run_dir.last_checkpoint, epochs=2, tensorboard=True)
    again.train()
    assert same(events_in(run.run_dir.path / "tensorboard"), expected(again))


def test_without_the_writer_it_is_told_how_to_get_it_and_no_folder_is_made(tmp_path, data, monkeypatch):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(
        TrainingError, match=r"--tensorboard writes by tensorboardX, which is not here: pip install .*tensorboard\]"
    ):
        start(Config.for_model("tiny", data=data()), tmp_path / "runs", tensorboard=True)
    assert not (tmp_path / "runs").exists()


def test_without_the_option_the_writer_is_not_imported(begin):
    before = set(sys.modules)
    begin(1).train()
    assert not [name for name in set(sys.modules) - before if name.startswith("tensorboardX")]

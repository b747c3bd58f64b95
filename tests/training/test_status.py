"""status.json: what a run's folder says beside its configuration, whenever somebody looks at it."""

from __future__ import annotations

import errno
import json
import math
import os
import signal

import pytest

from minigan.training import Interrupted, NonFiniteError, resume, status
from minigan.training.status import finite, read_status, update_status

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def test_a_run_says_how_far_it_will_go_and_that_it_is_done(begin, at_step):
    run, seen = begin(2), {}
    at_step(3, lambda trainer: seen.update(read_status(trainer.run_dir.path)))
    run.train()
    assert (seen["state"], seen["total_steps"], seen["message"]) == ("running", 10, "")
    assert seen["figure_labels"]["D_x"] == "D(x)"
    assert read_status(run.run_dir.path) == seen | {"state": "done"}


def test_a_run_that_was_stopped_says_so_and_goes_on(begin, at_step):
    run = begin(2)
    at_step(3, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        run.train()
    told = read_status(run.run_dir.path)
    assert told["state"] == "stopped" and "stopped at step 3" in told["message"]
    again, seen = resume(run.run_dir.last_checkpoint, epochs=3), {}
    at_step(4, lambda trainer: seen.update(read_status(trainer.run_dir.path)))
    again.train()
    assert (seen["state"], seen["total_steps"], seen["message"]) == ("running", 15, "")
    assert read_status(run.run_dir.path)["state"] == "done"


def test_a_run_that_failed_says_why(begin, at_step):
    def not_a_number(trainer):
        raise NonFiniteError("loss_G became nan at step 3", 3)

    run = begin(1)
    at_step(3, not_a_number)
    with pytest.raises(NonFiniteError):
        run.train()
    told = read_status(run.run_dir.path)
    assert told["state"] == "failed" and told["message"].startswith("loss_G became nan at step 3; ")


def test_scores_of_real_samples_stand_there_for_comparison(begin):
    run = begin(1, evaluate_every=1, metrics=("sliced_wasserstein",))
    run.train()
    told = read_status(run.run_dir.path)
    evaluation = next(each for each in run.callbacks if type(each).__name__ == "Evaluation")
    assert told["real_scores"] == evaluation.of_real and told["state"] == "done"
    assert list(told["real_scores"]) == ["sliced_wasserstein"] and told["real_scores"]["sliced_wasserstein"] > 0


def test_scores_that_are_no_numbers_are_left_out():
    assert finite({"a": 1.0, "b": math.nan, "c": -math.inf}) == {"a": 1.0}


@pytest.mark.parametrize("content", ["", "{", "[1]", "[" * 100_000])
def test_a_file_that_says_nothing_is_written_anew(content, begin):
    run_dir = begin(1).run_dir
    (run_dir.path / "status.json").write_text(content)
    assert read_status(run_dir.path) == {}
    update_status(run_dir, state="done")
    assert json.loads((run_dir.path / "status.json").read_text()) == {"state": "done"}


def test_a_full_disk_is_told_and_ends_no_run(begin, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    run, said = begin(1), []
    monkeypatch.setattr(status, "write_atomically", full)
    run.say = said.append
    run.callbacks.pop()  # the progress, which would say it on the terminal
    run.train()
    assert (
        run.finished and len(said) == 2 and all("status.json could not be written (No space" in line for line in said)
    )

"""What is read of a run's folder: half lines, resumed runs, old folders; and nothing through a link."""

from __future__ import annotations

import json
import os
import time

import pytest
from made_runs import line, lines

from minigan.watch.reading import Run, file_inside
from minigan.watch.telling import curves, details

pytestmark = pytest.mark.host_only("files")


def test_half_a_line_waits_for_its_other_half(make_run):
    folder = make_run(lines(2))
    run = Run(folder)
    assert run.step == 40
    text = json.dumps(line(60)) + "\n"
    with open(folder / "stats.jsonl", "a") as file:
        file.write(text[:30])
        file.flush()
        assert [each["step"] for each in run.figures] == [20, 40]
        file.write(text[30:])
    assert [each["step"] for each in run.figures] == [20, 40, 60]
    assert run.figures == Run(folder).figures


def test_a_run_that_is_resumed_from_an_earlier_step_is_read_anew(make_run):
    folder = make_run(lines(5))
    run = Run(folder)
    assert run.step == 100
    (folder / "new").write_text("".join(json.dumps(each) + "\n" for each in [*lines(2), line(60, loss_D=7.0)] * 3))
    os.replace(folder / "new", folder / "stats.jsonl")  # as a run writes it, and longer than before
    assert [each["loss_D"] for each in run.figures] == 3 * [1.2, 1.2, 7.0]


def test_a_deleted_run_is_gone_and_one_in_its_place_is_another(make_run):
    folder = make_run(lines(5))
    run = Run(folder)
    assert run.exists and run.step == 100
    os.rename(folder, folder.with_name("elsewhere"))
    assert not run.exists and run.step == 0 and run.config == {} and run.grids() == [] and details(run)["curves"] == []
    make_run(lines(1), steps=7)
    assert run.exists and run.step == 20


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"state": 3, "total_steps": "x"}', "null", "[" * 100_000])
def test_a_status_that_says_nothing_is_none(content, make_run):
    folder = make_run(lines(3), config={"steps": None})
    (folder / "status.json").write_text(content)
    run = Run(folder)
    assert run.status == {} and run.total_steps is None and run.state == "running" and details(run)["step"] == 60


def test_the_end_of_an_older_run_is_known_from_its_first_epoch(make_run):
    folder = make_run([*lines(3), line(80) | {"epoch": 2}], config={"steps": None, "epochs": 4})
    (folder / "status.json").unlink()
    assert Run(folder).total_steps == 240 and Run(folder).state == "running"


@pytest.mark.parametrize("told, step, old, state", [
    ("running", 60, 0, "running"), ("running", 60, 3600, "silent"), ("done", 60, 3600, "done"), (None, 1000, 0, "done"),
    ("stopped", 60, 0, "stopped"), ("failed", 60, 3600, "failed"), (None, 60, 3600, "silent"),
])  # fmt: skip
def test_the_state(told, step, old, state, make_run):
    folder = make_run([line(step - 20), line(step)], state=told)
    if told is None:
        (folder / "status.json").unlink()
    for path in folder.iterdir():
        os.utime(path, (time.time() - old,) * 2)
    assert Run(folder).state == state


def test_a_slow_run_may_be_silent_for_longer(make_run):
    folder = make_run([line(1000) | {"seconds": 0}, line(1020) | {"seconds": 900}], total_steps=2000)
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    assert Run(folder).state == "running" and Run(folder).pace == pytest.approx(20 / 900)


def test_grids_come_in_the_order_of_the_run(make_run):
    run = Run(make_run(grids=("e010", "e000", "e002", "s000610", "reals", "stopped")))
    (run.folder / "samples" / "notes.png").write_bytes(b"no grid")
    (run.folder / "samples" / "e003.npy").write_bytes(b"no picture")
    assert [name for name, _ in run.grids()] == ["reals", "e000", "e002", "e010", "s000610", "stopped"]


def test_a_grid_that_is_drawn_anew_has_another_address(make_run):
    run = Run(make_run(grids=("e000",)))
    before = run.grids()
    os.utime(run.folder / "samples" / "e000.png", (1, 1))
    assert run.grids() != before


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="no links")
def test_nothing_is_read_through_a_link(make_run, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "e000.png").write_bytes(b"secret")
    (secret / "s000001.json").write_text("{}")
    (secret / "stats.jsonl").write_text(json.dumps(line(20, loss_D=666.0)) + "\n")
    folder = make_run(grids=("e001",))
    (folder / "samples" / "e000.png").symlink_to(secret / "e000.png")
    (folder / "trace").rmdir()
    (folder / "trace").symlink_to(secret)
    (folder / "stats.jsonl").unlink()
    (folder / "stats.jsonl").symlink_to(secret / "stats.jsonl")
    run = Run(folder)
    assert [name for name, _ in run.grids()] == ["e001"] and run.figures == [] and run.traces() == []
    assert file_inside(folder, "samples", "e000.png") is None and run.trace_file(1) is None
    assert file_inside(folder, "samples", "e001.png") is not None


@pytest.mark.parametrize("names", [
    ("..", "secret"), ("samples", "..", "..", "secret"), ("samples/../../secret",), (".", "config.json"), ("samples",),
    ("config.json\0",), ("",), ("nothing",),
])  # fmt: skip
def test_no_name_leads_out_of_the_folder(names, make_run, tmp_path):
    folder = make_run()
    (folder.parent / "secret").write_text("secret")
    assert file_inside(folder, *names) is None and file_inside(folder, "config.json") is not None


def test_long_curves_are_thinned_to_means_and_keep_their_gaps():
    stats = [line(20 * i, loss_D=float(i), D_x=None if i > 500 else 0.5) for i in range(1, 1001)]
    found = {curve["name"]: curve for curve in curves(stats, {})}
    loss = found["loss_D"]
    assert len(loss["steps"]) == 334 and loss["steps"][-1] == 20_000
    assert loss["values"][0] == 2.0 and sum(loss["values"][:-1]) / 333 == pytest.approx(500)
    assert found["D_x"]["values"][:100] == [0.5] * 100 and found["D_x"]["values"][-1] is None
    assert not {"step", "epoch", "seconds"} & found.keys()


def test_scores_stand_beside_real_ones(make_run):
    scored = {"step": 40, "epoch": 1, "fid": 12.0, "recall": None}
    run = Run(make_run([*lines(2), scored], real_scores={"fid": 0.5}))
    told = {score["name"]: score for score in details(run)["scores"]}
    assert told["fid"] == {"name": "fid", "better": "lower", "real": 0.5, "steps": [40], "values": [12.0]}
    assert told["recall"]["real"] is None and told["recall"]["values"] == [None]
    assert "fid" not in {curve["name"] for curve in details(run)["curves"]} and run.step == 40


def test_norms_by_layer_are_those_of_the_traces(make_run, trace):
    folder = make_run()
    (folder / "trace" / "s000003.json").write_text(trace.to_json())
    (folder / "trace" / "s000004.json").write_text("{}")
    found = Run(folder).layer_norms()
    door = next(c for c in trace.border_gradients if c.kind == "carried")
    assert list(found) == [3] and all(call in ("D(G(z))", "G(z)") for call, _, _ in found[3])
    last_of_G = next(norm for call, _, norm in found[3] if call == "G(z)")
    assert last_of_G == door.at_output.norm and len(found[3]) >= 6

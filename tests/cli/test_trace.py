"""`minigan trace`: of a run, of a fresh model, of the example, and always something."""

from __future__ import annotations

import pytest

from minigan.trace import Trace


def read(path) -> Trace:
    return Trace.from_json(path.read_text(encoding="utf-8"))


def test_of_a_run(trained, tmp_path, minigan):
    said = minigan("trace", trained, "--out", tmp_path / "a.json")
    assert said.code == 0 and said.out == "" and f"a step from {trained / 'ckpt' / 'last.safetensors'}" in said.err
    trace = read(tmp_path / "a.json")
    assert trace.about["model"] == "quick28" and trace.about["at"] == 3 and trace.about["data"] == "noise"
    assert f"wrote {tmp_path / 'a.json'}: {len(trace.frames)} frames" in said.err
    minigan("trace", trained, "--out", tmp_path / "b.json", "--seed", 1)
    minigan("trace", "last", "--runs", trained.parent, "--out", tmp_path / "c.json")
    minigan("trace", "--runs", trained.parent, "--out", tmp_path / "d.json")
    a, b, c, d = (read(tmp_path / f"{name}.json") for name in "abcd")
    assert a == c == d and a != b


def test_with_nothing_there_it_is_of_the_trained_example(tmp_path, minigan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = minigan("trace")
    assert said.code == 0 and "the small GAN that comes with minigan (small28, trained for 4 epochs)" in said.err
    about = read(tmp_path / "trace.json").about
    assert [p.name for p in tmp_path.iterdir()] == ["trace.json"] and (about["model"], about["at"]) == ("small28", 3753)


def test_with_other_data_and_no_run_it_is_of_a_fresh_model(tmp_path, data, minigan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = minigan("trace", "--data", data)
    assert said.code == 0 and "a fresh quick28" in said.err and read(tmp_path / "trace.json").about["at"] == 1


def test_a_model_of_choice_on_data_of_choice(data, tmp_path, minigan, trained):
    said = minigan("trace", "--model", "mlp", "--data", data, "--out", tmp_path / "a.json", "--runs", trained.parent)
    trace = read(tmp_path / "a.json")
    assert said.code == 0 and (trace.about["model"], trace.about["data"], trace.about["batch"]) == ("mlp", "noise", 40)


def test_a_saved_trace_is_shown_again(tmp_path, minigan, data):
    minigan("trace", "--model", "mlp", "--data", data, "--out", tmp_path / "a.json")
    said = minigan("trace", tmp_path / "a.json", "--text", "--html", tmp_path / "a.html", "--out", tmp_path / "b.json")
    assert said.code == 0 and "max|∂L/∂D.input − ∂L/∂G.output| = 0.0" in said.out
    assert read(tmp_path / "a.json") == read(tmp_path / "b.json")
    assert "<!doctype html>" in (tmp_path / "a.html").read_text(encoding="utf-8").lower()
    (tmp_path / "c.json").write_text("[1]")
    said = minigan("trace", tmp_path / "c.json")
    assert said.code == 2 and "c.json: this is no trace" in said.err


def test_a_training_run_saves_traces(data, tmp_path, minigan):
    line = f"train --model mlp --data {data} --out {tmp_path} --epochs 1 --batch-size 10 --trace-every 2"
    assert minigan(*line.split()).code == 0
    assert sorted(p.name for p in tmp_path.glob("*/trace/*")) == ["s000002.json", "s000004.json"]


@pytest.mark.parametrize(
    ("line", "code", "named"),
    [
        ("trace --model gan", 2, "'gan'"),
        ("trace last --model mlp", 2, "--model makes a fresh model, so it excludes a checkpoint"),
        ("trace last", 1, "there is no run with a checkpoint in runs/ yet"),
        ("trace nowhere", 1, "there is no checkpoint nowhere"),
        ("trace --model mlp --data nowhere.npz", 1, "nowhere.npz"),
        ("trace --model mlp --out no/where.json", 1, "where.json"),
        ("train --trace-every 0", 2, "'0' is not a whole number of 1 or more"),
    ],
)
def test_what_goes_wrong_is_one_line(line, code, named, tmp_path, minigan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = minigan(*line.split())
    assert said.code == code and named in said.err.splitlines()[-1] and "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []

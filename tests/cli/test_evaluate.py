"""`minigan evaluate`: tables, JSON, pictures, and one sentence for what cannot be scored."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from minigan.algorithms.algorithm import AT_ONCE
from minigan.cli import main
from minigan.data import load, load_mnist
from minigan.metrics import METRICS, Metric, SampleSet, frechet_distance, reference, sample_set, score
from minigan.metrics.evaluation import seed_of_draw
from minigan.training import load_algorithm
from minigan.training.images import to_bytes

pytestmark = pytest.mark.host_only("scores are computed on the host, by NumPy")


@pytest.fixture(autouse=True)
def little_time(monkeypatch):
    """Copies are not looked for among all 60,000 digits."""
    monkeypatch.setattr(sample_set, "AFFORDABLE", 0)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A file of 400 real digits with their labels."""
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    test = load_mnist("test")
    np.savez(path, images=test.images[:400], labels=test.labels[:400])
    return path


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """The folder of a run on points of the plane."""
    runs = tmp_path_factory.mktemp("ring")
    assert main(f"train --recipe ring --batch-size 8 --steps 1 --evaluate-every 0 --out {runs}".split()) == 0
    return runs / "00000-ring-ring-s0"


def test_a_file_is_scored_beside_real_samples(minigan, digits):
    said = minigan("evaluate", digits, "--draws", 2, "--n", 150)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split()[:2] == ["fid", "↓"]
    rows = [line for line in lines if line.startswith("digits.npz")]
    beside = [line for line in lines if line.startswith("real samples")]
    assert len(rows) == len(beside) >= 2 and "±" in rows[0] and max(map(len, lines[:-4])) <= 80
    assert "copied: looked for among 150 of 60,000 training samples\n" in said.out
    assert "150 samples a draw, draws 2, seed 0, features digits" in said.out and "held out from training" in said.out


def test_as_json_with_numbers_seeds_and_intervals(minigan, digits):
    said = minigan("evaluate", digits, "--draws", 2, "--n", 150, "--seed", 5, "--json", "--metrics", "fid")
    found = json.loads(said.out)
    assert (found["n"], found["draws"], found["seed"], found["features"]) == (150, 2, 5, "digits")
    mine, real = found["rows"]
    assert mine["name"] == "digits.npz" and real["name"] == "real samples" and set(mine) == {"name", "fid"}
    assert mine["fid"]["mean"] == pytest.approx(np.mean(mine["fid"]["values"]))
    assert mine["fid"]["half_width"] == pytest.approx(12.706 / 2 * abs(np.diff(mine["fid"]["values"])[0]), rel=1e-3)
    reals = [reference(load_mnist("train"), 150, k, held_out=load_mnist("test"))
             for k in (5, seed_of_draw(5, 1))]  # fmt: skip
    assert real["fid"]["values"] == pytest.approx([frechet_distance(r.other_real.features, r.features) for r in reals])


def test_the_draws_of_a_file_have_no_sample_in_common(minigan, digits, monkeypatch):
    """400 samples give 2 draws of 200, not more, and both together are all of them."""
    seen = set()

    def count(samples, real):
        if samples is not real.other_real:
            seen.update(image.tobytes() for image in samples.x)
        return float(len(seen))

    monkeypatch.setitem(METRICS, "seen", Metric(count, "how many were seen", {"seen": ""}))
    said = minigan("evaluate", digits, "--draws", 2, "--n", 1000, "--json", "--metrics", "seen")
    assert json.loads(said.out)["rows"][0]["seen"]["values"] == [200, 400]
    assert json.loads(said.out)["n"] == 200
    assert "200 samples a draw, not 1,000: there are no more for 2 draws" in said.err
    assert minigan("evaluate", digits, "--draws", 300).code == 2


def test_a_run_is_scored_by_its_samples_against_its_data(minigan, trained):
    said = minigan("evaluate", trained, "--n", 15, "--draws", 1, "--json")
    assert said.code == 0
    mine, real = json.loads(said.out)["rows"]
    assert mine["name"] == trained.name
    algorithm, config = load_algorithm(trained / "ckpt" / "last.safetensors")
    chosen = reference(algorithm.load_data(config.data, config.channels), 15)
    samples = SampleSet(algorithm.generate(len(chosen), 0), None, chosen.extractor)
    assert mine["sliced_wasserstein"]["values"] == pytest.approx(
        [score(samples, chosen, ["sliced_wasserstein"])["sliced_wasserstein"]], rel=1e-5
    )
    assert mine["sliced_wasserstein"]["half_width"] is None


def test_draws_of_different_seeds_have_nothing_in_common(minigan, trained, data, monkeypatch):
    """Neither samples nor real ones, which were chosen in one order: draw 1 of seed 0 is not draw 0 of seed 1."""
    drawn = []

    def remember(samples, real):
        if samples is not real.other_real:
            drawn.append((samples.x.tobytes(), real.x.tobytes()))
        return 0.0

    monkeypatch.setitem(METRICS, "seen", Metric(remember, "what was seen", {"seen": ""}))
    for seed in (0, 1, 2):
        assert minigan("evaluate", trained, "--n", 10, "--seed", seed, "--metrics", "seen").code == 0
    samples, reals = zip(*drawn, strict=True)
    assert len({*samples}) == len({*reals}) == 9
    algorithm, _ = load_algorithm(trained / "ckpt" / "last.safetensors")
    assert samples[3] == algorithm.generate(10, 1).tobytes(), "the first draw is what minigan sample --seed 1 draws"


def test_json_has_no_infinity(minigan, digits, monkeypatch):
    monkeypatch.setitem(METRICS, "far", Metric(lambda samples, real: float("inf"), "how far", {"far": "lower"}))
    said = minigan("evaluate", digits, "--draws", 2, "--n", 20, "--json", "--metrics", "far")
    row = json.loads(said.out, parse_constant=pytest.fail)["rows"][0]
    assert row["far"] == {"mean": None, "half_width": None, "values": [None, None]}


def test_a_picture_of_the_worst_middle_and_best(minigan, digits, tmp_path):
    said = minigan("evaluate", digits, "--draws", 1, "--n", 100, "--metrics", "fid", "--out", tmp_path / "bands.png")
    assert said.code == 0 and "the worst, middle and best samples" in said.err
    with Image.open(tmp_path / "bands.png") as picture:
        assert picture.size[0] > 600 and picture.size[1] > 300


def test_a_feature_function_of_ones_own(minigan, digits, tmp_path):
    (tmp_path / "mine.py").write_text("def rows(images):\n    return images.mean((1, 3))[:, ::4]\n")
    said = minigan("evaluate", digits, "--draws", 1, "--features", f"{tmp_path / 'mine.py'}:rows", "--json")
    row = json.loads(said.out)["rows"][0]
    assert "fid" in row and "rarest_class" not in row


def test_scores_that_need_more_samples_than_features_are_told_where_they_are_left_out(minigan, data, tmp_path):
    (tmp_path / "mine.py").write_text("def twelve(images):\n    return images[:, 0, 14, :12]\n")
    line = "evaluate", data, "--data", data, "--draws", 1, "--features", f"{tmp_path / 'mine.py'}:twelve"
    left_out = "\nfid and kid are left out: 12 features need more than 12 samples\n"
    assert left_out in (said := minigan(*line, "--n", 12).out) and "fid ↓" not in said
    for enough in (["--n", 13], ["--n", 12, "--metrics", "sharpness"]):
        assert "left out" not in minigan(*line, *enough).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "nowhere: no such data set, file or folder"),
        (["--metrics", "modes"], "modes cannot be computed of these samples: it needs data whose modes are known"),
        (["--features", "nothing"], "features 'nothing' are not known: digits, pixels"),
        (["--n", "1"], "--n 1: scores are of two samples or more"),
        (["--draws", "300"], "--draws 300: each has two samples or more of its own, but "),
        (["--out", "no/such/folder.png"], "--out no/such/folder.png: there is no folder no/such"),
        (["--out", "bands.txt"], "--out bands.txt: the name must end in .png"),
        (["--data", "ring"], "digits.npz: samples of shape (1, 28, 28) found, but those of ring have shape (2,)"),
    ],
)
def test_one_sentence(words, sentence, minigan, digits):
    said = minigan("evaluate", *([] if words[0] == "nowhere" else [digits]), *words)
    assert said.code in (1, 2) and sentence in said.err and "Traceback" not in said.err


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.linspace(-3, 3, 1280).reshape(20, 8, 8), "from -3 to 3 found, whole numbers, or float in [0, 1], [-1, 1]"),
        (np.zeros((20, 3)), "flat images of 3 values found"),
        (np.zeros((20, 2)), "bad.npy: samples of shape (2,) found, but those of mnist have shape (1, 28, 28)"),
        (np.full((20, 2), np.nan), "40 values that are NaN or infinite found"),
    ],
)  # fmt: skip
def test_samples_that_cannot_be(samples, sentence, minigan, tmp_path):
    np.save(tmp_path / "bad.npy", samples)
    said = minigan("evaluate", tmp_path / "bad.npy", "--n", 10, "--draws", 1)
    assert said.code in (1, 2) and sentence in said.err.splitlines()[-1] and "Traceback" not in said.err


def test_the_values_of_samples_are_read_as_is_said(minigan, data, tmp_path):
    np.save(tmp_path / "loud.npy", np.linspace(-3, 3, 20 * 784).reshape(20, 28, 28))
    loud = tmp_path / "loud.npy", "--value-range", -3, 3
    said = minigan("evaluate", *loud, "--data", data, "--n", 10, "--draws", 1, "--metrics", "sharpness")
    assert said.code == 0 and "read as [-3, 3]" in said.err


def test_points_in_a_file_are_scored(minigan, tmp_path):
    """On the first mode alone, and one of ten far away."""
    points = np.tile([0.0, 1.0], (40, 1))
    points[::10] = 9
    np.save(tmp_path / "points.npy", points)
    said = minigan("evaluate", tmp_path / "points.npy", "--data", "ring", "--n", 40, "--draws", 1, "--json")
    row = json.loads(said.out)["rows"][0]
    assert [row[name]["mean"] for name in ("modes", "good_share")] == [1, 0.9]


def test_labels_in_a_file_reach_the_scores(minigan, digits, tmp_path):
    with np.load(digits) as file:
        images, labels = file["images"], file["labels"]
    for name, given in (
        ("right", {"y": labels}),
        ("half", {"labels": np.where(np.arange(400) % 2, labels, 9 - labels)}),
    ):
        np.savez(tmp_path / f"{name}.npz", images=images, **given)
    files = [tmp_path / f"{name}.npz" for name in ("right", "half")]
    said = minigan("evaluate", *files, "--n", 200, "--draws", 1, "--metrics", "accuracy", "--json")
    right, half = (row["accuracy"]["mean"] for row in json.loads(said.out)["rows"][:2])
    assert right > 0.97 and 0.4 < half < 0.6


@pytest.mark.parametrize("wrong", [-1, 10])
def test_a_label_that_the_data_have_not_is_one_sentence(minigan, digits, tmp_path, wrong):
    with np.load(digits) as file:
        labels = file["labels"].astype(int)
        labels[3] = wrong
        np.savez(tmp_path / "x.npz", images=file["images"], y=labels)
    said = minigan("evaluate", tmp_path / "x.npz", "--n", 400, "--draws", 1, "--metrics", "accuracy")
    assert said.code != 0 and "but the classifier knows 0 to 9" in said.err and "Traceback" not in said.err


def test_labels_that_few_real_samples_have_not_are_scored_too(minigan, digits, tmp_path):
    with np.load(digits) as file:
        images, labels = file["images"][:60], file["labels"][:60]
    np.savez(tmp_path / "x.npz", images=images, y=labels)
    for seed in range(6):  # five real samples a draw: never all ten digits
        said = minigan("evaluate", tmp_path / "x.npz", "--n", 5, "--draws", 1, "--seed", seed, "--metrics", "accuracy")
        assert said.code == 0, said.err


def test_what_sample_writes_is_read(minigan, told, ring, tmp_path):
    """Images and points, as they were drawn, and the labels that they were to show."""
    n = AT_ONCE + 5  # in two parts
    asked = {"one": ["--label", 1], "all": [], "columns": ["--labels"]}
    for name, label in asked.items():
        assert minigan("sample", told, *label, "--n", n, "--out", tmp_path / f"{name}.npz").code == 0
    algorithm, _ = load_algorithm(told / "ckpt" / "last.safetensors")
    one, every, columns = (load(tmp_path / f"{name}.npz") for name in asked)
    drawn = np.stack([to_bytes(algorithm.generate(n, label=label)) for label in range(3)]).astype(int)
    np.testing.assert_array_equal(one.images, drawn[1]), np.testing.assert_array_equal(one.labels, 1)
    for data, noises in ((every, np.arange(n)), (columns, np.arange(n) // 3)):
        apart = abs(data.images - drawn[:, noises]).sum((2, 3, 4))  # of each label's; rounding aside
        np.testing.assert_array_equal(data.labels, apart.argmin(0))
        assert len({*data.labels.tolist()}) == 3

    assert minigan("sample", ring, "--n", 30, "--out", tmp_path / "points.npz").code == 0
    algorithm, _ = load_algorithm(ring / "ckpt" / "last.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "points.npz")[:].x, algorithm.generate(30))
    said = minigan("evaluate", tmp_path / "points.npz", ring, "--n", 30, "--draws", 1, "--json")
    file, run = json.loads(said.out)["rows"][:2]
    assert file["sliced_wasserstein"] == run["sliced_wasserstein"]


def test_runs_of_different_data_need_a_name(minigan, trained, digits, tmp_path):
    line = ["train", "--model", "mlp", "--batch-size", 20, "--data", digits, "--steps", 1, "--out", tmp_path]
    assert minigan(*line, "--evaluate-every", 0).code == 0
    said = minigan("evaluate", trained, tmp_path / "00000-mlp-digits-s0", "--n", 10)
    assert said.code == 2 and "--data NAME says what they are compared with" in said.err

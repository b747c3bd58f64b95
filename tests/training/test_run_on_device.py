"""A run on a GPU: the numbers of the CPU, no waiting within a step, and checkpoints that go both ways."""

from __future__ import annotations

import json
import os
import signal
import sys

import numpy as np
import pytest

import minigan.functions as F
from minigan import backend, nn
from minigan.objectives import OBJECTIVES, NonSaturating
from minigan.training import Interrupted, NonFiniteLossError, ahead, draw_noise, generate, resume
from minigan.training import run as run_module
from minigan.training.ahead import sent_ahead
from minigan.training.checkpoint import load_checkpoint
from minigan.training.progress import Progress
from minigan.training.steps import STEPS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(scope="module", autouse=True)
def device():
    """The GPU; without one there is nothing to test here."""
    try:
        return backend.choose_device("gpu")[0]
    except backend.DeviceError as error:
        pytest.skip(str(error))


@pytest.fixture
def counters():
    """counters(): launches, copies and waits so far. A card does not count them, a simulator does."""
    simulator = sys.modules.get("cusim")
    if simulator is None:
        pytest.skip("only a simulator counts copies and waits")
    return simulator.counters


def steps(run, n=10**9):
    """Take the next n steps of the epoch; the run."""
    batches = map(run.data.batch, run.batches.epoch(run.epoch, run.position))
    for _, images in zip(range(n), sent_ahead(batches, run.device), strict=False):
        run._train_step(images)
    return run


def far_apart(one, other):
    """How far the moments of two runs are apart, in units of the largest of all that an optimiser holds.

    They show the gradients as they are. Adam divides these by themselves at first, and of one that is
    nothing but rounding, such as that of a bias before BatchNorm, makes a whole step.
    """
    ours, theirs = one.checkpoint().arrays, other.checkpoint().arrays
    assert ours.keys() == theirs.keys()
    far, largest = {}, {}
    for name, array in theirs.items():
        slot = name.rpartition(".")[0]
        if "exp_avg" in slot:
            far[slot] = max(far.get(slot, 0.0), float(np.abs(ours[name] - array).max()))
            largest[slot] = max(largest.get(slot, 0.0), float(np.abs(array).max()))
    return max(far[slot] / largest[slot] for slot in far)


# --- the same numbers ----------------------------------------------------------------------------


def test_both_begin_with_the_same_weights_and_see_the_same_images_noise_and_masks(begin, monkeypatch):
    seen = []
    take_step, dropped = STEPS["alternating"], nn.Dropout.forward

    def seeing(players, x, z, *args, **options):
        seen.extend([x.numpy(), z.numpy()])
        return take_step(players, x, z, *args, **options)

    def dropping(self, x):
        y = dropped(self, x)
        seen.append(y.numpy() == 0)
        return y

    monkeypatch.setitem(STEPS, "alternating", seeing)
    monkeypatch.setattr(nn.Dropout, "forward", dropping)
    cpu, gpu = begin(device="cpu"), begin(device="gpu")
    assert {p.device.kind for p in gpu.generator.parameters() + gpu.players.D.parameters()} == {"gpu"}
    ours, theirs = cpu.checkpoint(), gpu.checkpoint()
    assert ours.progress == theirs.progress
    for name, array in ours.arrays.items():
        np.testing.assert_array_equal(array, theirs.arrays[name], strict=True)
    steps(cpu), steps(gpu)
    assert len(seen) == 2 * 5 * (2 + 3)  # D is asked three times a step
    half = len(seen) // 2
    assert all(0 < mask.mean() < 0.6 for mask in seen if mask.dtype == bool)
    for one, other in zip(seen[:half], seen[half:], strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    for name in ("noise", "dropout"):
        assert cpu.checkpoint().progress[name] == gpu.checkpoint().progress[name]


@pytest.mark.parametrize("step", ["alternating", "simultaneous"])
@pytest.mark.parametrize("model", ["tiny", "mlp", "quick28"])
def test_a_step_agrees_to_rounding(model, step, begin):
    choices = {"model": model, "step": step, "images": 8, "batch_size": 8}
    cpu, gpu = steps(begin(device="cpu", **choices), 1), steps(begin(device="gpu", **choices), 1)
    assert far_apart(gpu, cpu) < 1e-4
    cpu._fetch_figures(), gpu._fetch_figures()
    assert gpu.sums == pytest.approx(cpu.sums, rel=1e-5)


@pytest.mark.parametrize("step", ["alternating", "simultaneous"])
def test_twenty_steps_agree_each_from_the_same_state_and_one_after_another(step, begin, tmp_path):
    """One after another they drift apart, and no faster than two runs on a CPU whose weights differ in the last bit:
    a unit at the kink of its LeakyReLU may take one slope here and the other there."""
    choices = {"images": 320, "lr_G": 1e-3, "lr_D": 1e-3, "step": step}
    cpu, gpu, anew = (begin(device=d, runs=r, **choices) for d, r in [("cpu", "a"), ("gpu", "b"), ("gpu", "c")])
    for _ in range(20):
        anew.restore(cpu.checkpoint(), tmp_path)
        for run in (cpu, gpu, anew):
            steps(run, 1)
        assert far_apart(anew, cpu) < 1e-4
    cpu._fetch_figures(), gpu._fetch_figures()
    assert gpu.sums == pytest.approx(cpu.sums, rel=1e-3)


# --- checkpoints ---------------------------------------------------------------------------------


@pytest.mark.parametrize("here, there", [("cpu", "gpu"), ("gpu", "cpu")])
@pytest.mark.parametrize("model", ["tiny", "quick28"])
def test_a_checkpoint_made_on_one_resumes_on_the_other(model, here, there, begin):
    images = {"tiny": 70, "quick28": 24}[model]
    run = begin(1, model=model, images=images, device=here)
    run.train()
    path = run.folder.last_checkpoint
    moved = resume(path, device=there, epochs=2)
    assert moved.device.kind == there
    saved, taken = load_checkpoint(path), moved.checkpoint()
    assert saved.progress == taken.progress
    for name, array in saved.arrays.items():
        np.testing.assert_array_equal(array, taken.arrays[name], strict=True)
    # The next step is that of a run which stays where it is.
    stayed = resume(path, epochs=2)
    assert far_apart(steps(moved, 1), steps(stayed, 1)) < 1e-4
    assert moved.checkpoint().progress["noise"] == stayed.checkpoint().progress["noise"]


@pytest.mark.parametrize("here, there", [("cpu", "gpu"), ("gpu", "cpu")])
def test_a_run_that_goes_on_elsewhere_says_so_in_its_configuration(here, there, begin, go_on):
    run = begin(1, device=here)
    run.train()
    go_on(run, device=there, epochs=2)
    config = json.loads((run.folder.path / "config.json").read_text())
    assert (config["device"], config["epochs"]) == (there, 2)
    log = (run.folder.path / "log.txt").read_text()
    assert log.index(f"device {backend.choose_device(here)[0]} (") < log.index("resumed at step 5 (epoch 2)")
    assert f"device {backend.choose_device(there)[0]} (" in log[log.index("resumed at") :]
    assert load_checkpoint(run.folder.last_checkpoint).progress["step"] == 10


def test_a_run_resumed_on_the_gpu_equals_an_uninterrupted_one_bit_for_bit(begin, go_on, left_by):
    whole, half = begin(2, "whole", device="gpu"), begin(1, "half", device="gpu")
    whole.train()
    half.train()
    go_on(half, epochs=2)
    assert left_by(half) == left_by(whole)


# --- no waiting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["alternating", "simultaneous"])
def test_a_step_copies_images_and_noise_and_waits_for_nothing(step, begin, counters, monkeypatch):
    monkeypatch.setattr(run_module, "LOG_EVERY", 6)
    at, shown = [], Progress.step

    def marking(self, *args):
        shown(self, *args)
        at.append(counters())

    monkeypatch.setattr(Progress, "step", marking)
    run = begin(1, images=16 * 18, step=step, device="gpu")  # one batch size, so memory is asked for once
    run.train()
    took = [{name: b[name] - a[name] for name in a} for a, b in zip(at, at[1:], strict=False)]  # steps 2 to 18
    for n, counts in enumerate(took, 2):
        copies = {name: counts[name] for name in ("h2d", "d2h", "sync")}
        if n % 6:
            assert copies == {"h2d": 2, "d2h": 0, "sync": 0}, f"step {n}"
        elif n < 18:  # its figures are fetched, all at once
            assert copies["d2h"] == 1 and copies["sync"] == 1, f"step {n}"
    assert len(took) == 17 and took[14]["cudaMalloc"] == took[13]["cudaMalloc"] == 0


def test_drawing_copies_a_batch_of_images_once(begin, counters):
    run = begin(1, device="gpu")
    z = draw_noise(130, 4, seed=5)
    before = counters()
    images = generate(run.players.G, z)
    after = counters()
    assert isinstance(images, np.ndarray) and images.shape == (130, 1, 8, 8)
    assert (after["d2h"] - before["d2h"], after["h2d"] - before["h2d"]) == (2, 2)
    np.testing.assert_allclose(images, generate(begin(1, "other", device="cpu").players.G, z), atol=1e-6)


def test_saving_copies_every_array_once(begin, counters):
    run = steps(begin(1, device="gpu"), 2)
    run._fetch_figures()
    before = counters()
    checkpoint = run._good_checkpoint()
    assert counters()["d2h"] - before["d2h"] == len(checkpoint.arrays)
    assert all(isinstance(array, np.ndarray) for array in checkpoint.arrays.values())


# --- images sent ahead ---------------------------------------------------------------------------


def test_one_batch_more_is_made_on_a_gpu_and_none_on_a_cpu(device):
    for where, more in ((backend.CPU, 0), (device, 1)):
        made = []

        def batches(made=made):
            for k in range(4):
                made.append(k)
                yield np.full((k + 1, 3), k, "float32")

        for k, batch in enumerate(sent_ahead(batches(), where)):
            assert len(made) == min(4, k + 1 + more)
            assert backend.device_of(batch) == where
            np.testing.assert_array_equal(backend.to_numpy(batch), np.full((k + 1, 3), k))
        assert k == 3
    assert list(sent_ahead([], device)) == []


def test_a_copy_waits_for_the_steps_before_and_the_step_for_its_copy(device, monkeypatch):
    """A simulator has no streams that could overtake one another: this is the order in which waits are asked for."""
    import cupy

    asked = []

    class Stream(cupy.cuda.Stream):
        def record(self, event=None):
            event = super().record(event)
            events.setdefault(id(self), []).append(event)
            return event

        def wait_event(self, event):
            assert event is events[id(copying if self is computing else computing)][-1]
            asked.append("step waits" if self is computing else "copy waits")
            super().wait_event(event)

    events = {}
    computing, copying = Stream(non_blocking=True), Stream(non_blocking=True)
    monkeypatch.setattr(ahead, "_stream", lambda device: copying)
    batches = [np.full(3, k, "float32") for k in range(3)]
    with computing:
        for k, batch in enumerate(sent_ahead(batches, device)):
            assert cupy.cuda.get_current_stream() == computing
            asked.append(f"step {k}")
            assert float(batch.sum()) == 3 * k
    assert asked == [
        "copy waits",
        "step waits", "copy waits", "step 0",
        "step waits", "copy waits", "step 1",
        "step waits", "step 2",
    ]  # fmt: skip


def test_what_was_sent_ahead_and_not_used_is_sent_again(begin, go_on, left_by, monkeypatch):
    whole, run = begin(1, "whole", device="gpu"), begin(1, "stopped", device="gpu")
    whole.train()
    shown = Progress.step

    def step(self, *args):
        shown(self, *args)
        if self.done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "step", step)
        with pytest.raises(Interrupted, match="stopped at step 2"):
            run.train()
    go_on(run)
    assert left_by(run) == left_by(whole)


# --- what is not finite --------------------------------------------------------------------------


class _SlopeOfRoot(NonSaturating):
    """√ at 0: nothing is wrong with its value, but its gradient is infinite."""

    def generator_loss(self, fake_logits):
        return super().generator_loss(fake_logits) + F.sum(F.sqrt(fake_logits * 0.0))


def test_a_loss_that_is_not_finite_is_found_at_the_next_line_of_stats(begin, monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "trap", _SlopeOfRoot)
    run = begin(2, objective="trap", device="gpu")
    with pytest.raises(NonFiniteLossError) as caught:
        run.train()
    assert str(caught.value).startswith("loss_D became nan at step 2 (epoch 1), as was seen at step 5; the first to")
    assert "was Sqrt's backward pass: it arose here" in str(caught.value)
    checkpoint = load_checkpoint(run.folder.last_checkpoint)
    assert checkpoint.progress["step"] == 0 and all(np.isfinite(a).all() for a in checkpoint.arrays.values())
    assert list(run.folder.stats()) == []


def test_what_a_stopped_run_would_save_is_looked_at_first(begin, monkeypatch):
    run = begin(2, device="gpu")
    steps(run, 2).players.D.parameters()[0]._data[...] = np.nan
    steps(run, 1)
    run.progress = Progress(10, 0, 2)
    with pytest.raises(NonFiniteLossError, match=r"loss_D became nan at step 3 \(epoch 1\); its source was not"):
        run._good_checkpoint()

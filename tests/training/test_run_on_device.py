"""A run on a GPU: the numbers of the CPU, no waiting within a step, and checkpoints that go both ways."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import minigan.functions as F
from minigan import backend, nn
from minigan.algorithms import GAN
from minigan.algorithms.algorithm import AT_ONCE
from minigan.data import Batch, prefetch
from minigan.objectives import OBJECTIVES, NonSaturating
from minigan.training import Config, Interrupted, NonFiniteError, resume, start
from minigan.training.callbacks import Progress, Stats
from minigan.training.callbacks.checkpoints import checkpoint_of
from minigan.training.callbacks.nonfinite import check_state
from minigan.training.checkpoint import load_checkpoint
from minigan.training.stepping import take_steps

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


@pytest.fixture
def begin_any(begin, data, tmp_path):
    """begin_any(name, …): a new run of an algorithm, minigan's own or a user's."""

    def make(name, epochs=2, runs="runs", images=70, **choices):
        if name in FAMILY:
            return begin(epochs, runs, images, **FAMILY[name][0], **choices)
        algorithm = f"{Path(__file__).with_name('own_algorithms.py')}:{name}"
        choices = {"batch_size": 16, "ema_decay": 0.9, "grid": 4} | choices
        return start(Config.choose(algorithm=algorithm, data=data(images), epochs=epochs, **choices), tmp_path / runs)

    return make


WGAN_GP = {"model": "tiny-critic", "objective": "wasserstein", "penalties": ("gradient",), "n_critic": 2}
# Choices, and what a step copies to the device.
FAMILY = {
    "gan": ({"algorithm": "gan"}, 2),  # images, noise
    "simultaneous-gan": ({"algorithm": "simultaneous-gan"}, 2),
    "labelled": ({"model": "tiny-labelled"}, 3),
    "wgan-gp": (WGAN_GP, 2 * 3),  # and where between reals and fakes the slope is looked at
    "wgan": (WGAN_GP | {"penalties": (), "weight_clip": 0.1, "optimizer": "rmsprop"}, 2 * 2),
}
OWN = {"BEGAN": 2, "InfoGAN": 4, "Joined": 2}
COPIES = {name: copies for name, (_, copies) in FAMILY.items()} | OWN


def steps(run, n):
    """Take the next n steps, with their figures and averaged weights; the run."""
    run.callbacks = [callback for callback in run.callbacks if isinstance(callback, Stats)]
    take_steps(run, n)
    return run


def figures(run):
    """The last line of stats."""
    (stats,) = (callback for callback in run.callbacks if isinstance(callback, Stats))
    return stats.latest


def far_apart(one, other):
    """How far the moments of two runs are apart, in units of the largest of all that an optimiser holds.

    They show the gradients as they are. Adam divides these by themselves at first, and of one that is
    nothing but rounding, such as that of a bias before BatchNorm, makes a whole step.
    """
    ours, theirs = checkpoint_of(one).arrays, checkpoint_of(other).arrays
    assert ours.keys() == theirs.keys()
    far, largest = {}, {}
    for name, array in theirs.items():
        slot = name.rpartition(".")[0]
        if "_avg" in slot:  # of Adam and of RMSprop
            far[slot] = max(far.get(slot, 0.0), float(np.abs(ours[name] - array).max()))
            largest[slot] = max(largest.get(slot, 0.0), float(np.abs(array).max()))
    return max(far[slot] / largest[slot] for slot in far)


# --- the same numbers ----------------------------------------------------------------------------


def test_both_begin_with_the_same_weights_and_see_the_same_images_noise_and_masks(begin, monkeypatch):
    seen = []
    take_step, noise, dropped = GAN.step, GAN.noise, nn.Dropout.forward

    def seeing(self, batches):
        batch = next(batches)
        seen.append(batch.x.numpy())
        return take_step(self, iter([batch]))

    def drawing(self, batch):
        z = noise(self, batch)
        seen.append(z.numpy())
        return z

    def dropping(self, x):
        y = dropped(self, x)
        seen.append(y.numpy() == 0)
        return y

    monkeypatch.setattr(GAN, "step", seeing)
    monkeypatch.setattr(GAN, "noise", drawing)
    monkeypatch.setattr(nn.Dropout, "forward", dropping)
    cpu, gpu = begin(device="cpu"), begin(device="gpu")
    with gpu.ema.applied():
        networks = gpu.algorithm.networks
        assert {p.device.kind for network in networks.values() for p in network.parameters()} == {"gpu"}
    ours, theirs = checkpoint_of(cpu), checkpoint_of(gpu)
    assert ours.progress == theirs.progress
    for name, array in ours.arrays.items():
        np.testing.assert_array_equal(array, theirs.arrays[name], strict=True)
    steps(cpu, 5), steps(gpu, 5)
    assert len(seen) == 2 * 5 * (2 + 3)  # D is asked three times a step
    half = len(seen) // 2
    assert all(0 < mask.mean() < 0.6 for mask in seen if mask.dtype == bool)
    for one, other in zip(seen[:half], seen[half:], strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    for name in ("streams.noise", "streams.dropout"):
        assert checkpoint_of(cpu).progress[name] == checkpoint_of(gpu).progress[name]


@pytest.mark.parametrize("algorithm", ["gan", "simultaneous-gan"])
@pytest.mark.parametrize("model", ["tiny", "mlp", "quick28"])
def test_a_step_agrees_to_rounding(model, algorithm, begin):
    choices = {"model": model, "algorithm": algorithm, "images": 8, "batch_size": 8}
    cpu, gpu = steps(begin(device="cpu", **choices), 1), steps(begin(device="gpu", **choices), 1)
    assert far_apart(gpu, cpu) < 1e-4
    assert figures(gpu) == pytest.approx(figures(cpu), rel=1e-5)


@pytest.mark.parametrize("name", COPIES)
def test_a_step_of_any_algorithm_agrees_to_rounding(name, begin_any):
    """wgan-gp's has gradients of second order in it. One batch an epoch, so that all figures are shown."""
    choices = {"images": 8, "batch_size": 8, "epochs": 2}
    cpu, gpu = (steps(begin_any(name, runs=device, device=device, **choices), 1) for device in ("cpu", "gpu"))
    assert far_apart(gpu, cpu) < 1e-4
    assert figures(gpu) == pytest.approx(figures(cpu), rel=1e-4)
    ours, theirs = ({k: v for k, v in run.state_dict().items() if k.startswith("streams.")} for run in (cpu, gpu))
    assert ours == theirs


@pytest.mark.parametrize("algorithm", ["gan", "simultaneous-gan"])
def test_twenty_steps_agree_each_from_the_same_state_and_one_after_another(algorithm, begin):
    """One after another they drift apart, and no faster than two runs on a CPU whose weights differ in the last bit:
    a unit at the kink of its LeakyReLU may take one slope here and the other there."""
    choices = {"images": 320, "lr_G": 1e-3, "lr_D": 1e-3, "algorithm": algorithm}
    cpu, gpu, anew = (begin(device=d, runs=r, **choices) for d, r in [("cpu", "a"), ("gpu", "b"), ("gpu", "c")])
    for _ in range(20):
        anew.load_state_dict(checkpoint_of(cpu).state)
        for run in (cpu, gpu, anew):
            steps(run, 1)
        assert far_apart(anew, cpu) < 1e-4
    assert figures(gpu) == pytest.approx(figures(cpu), rel=1e-3)


# --- checkpoints ---------------------------------------------------------------------------------


@pytest.mark.parametrize("here, there", [("cpu", "gpu"), ("gpu", "cpu")])
@pytest.mark.parametrize("name", ["gan", "quick28", "wgan-gp", "BEGAN"])
def test_a_checkpoint_made_on_one_resumes_on_the_other(name, here, there, begin, begin_any):
    if name == "quick28":
        run = begin(1, model=name, images=24, device=here)
    else:
        run = begin_any(name, 1, device=here)
    run.train()
    path = run.run_dir.last_checkpoint
    moved = resume(path, device=there, epochs=2)
    assert moved.device.kind == there
    saved, taken = load_checkpoint(path), checkpoint_of(moved)
    assert saved.progress == taken.progress
    for name, array in saved.arrays.items():
        np.testing.assert_array_equal(array, taken.arrays[name], strict=True)
    # The next step is that of a run which stays where it is.
    stayed = resume(path, epochs=2)
    assert far_apart(steps(moved, 1), steps(stayed, 1)) < 1e-4
    assert checkpoint_of(moved).progress["streams.noise"] == checkpoint_of(stayed).progress["streams.noise"]


@pytest.mark.parametrize("here, there", [("cpu", "gpu"), ("gpu", "cpu")])
def test_a_run_that_goes_on_elsewhere_says_so_in_its_configuration(here, there, begin, go_on):
    run = begin(1, device=here)
    run.train()
    go_on(run, device=there, epochs=2)
    config = json.loads((run.run_dir.path / "config.json").read_text())
    assert (config["device"], config["epochs"]) == (there, 2)
    log = (run.run_dir.path / "log.txt").read_text()
    assert log.index(f"device {backend.choose_device(here)[0]} (") < log.index("resumed at step 5 (epoch 2)")
    assert f"device {backend.choose_device(there)[0]} (" in log[log.index("resumed at") :]
    assert load_checkpoint(run.run_dir.last_checkpoint).progress["step"] == 10


@pytest.mark.parametrize("name", COPIES)
def test_a_run_resumed_on_the_gpu_equals_an_uninterrupted_one_bit_for_bit(name, begin_any, go_on, left_by):
    whole, half = begin_any(name, 2, "whole", device="gpu"), begin_any(name, 1, "half", device="gpu")
    whole.train()
    half.train()
    go_on(half, epochs=2)
    assert left_by(half) == left_by(whole)


@pytest.mark.parametrize("name", ["wgan-gp", "BEGAN", "InfoGAN"])
def test_a_run_goes_to_the_cpu_and_back(name, begin_any, go_on):
    run = begin_any(name, 1, device="gpu")
    run.train()
    for epochs, device in ((2, "cpu"), (3, "gpu")):
        run = go_on(run, device=device, epochs=epochs)
        assert run.device.kind == device and run.loader.epoch == epochs
        state = run.state_dict().items()
        there = {backend.device_of(value).kind for key, value in state if backend.is_array(value)}
        assert there == {device}
    arrays = load_checkpoint(run.run_dir.last_checkpoint).arrays
    assert all(np.isfinite(array).all() for array in arrays.values())


# --- no waiting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COPIES)
def test_a_step_copies_what_it_is_given_and_waits_for_nothing(name, begin_any, counters, monkeypatch):
    """Images, noise, and what else it draws of random numbers. Masks are made where they are used."""
    monkeypatch.setattr("minigan.training.callbacks.stats.LOG_EVERY", 6)
    at, shown = [], Progress.on_step

    def marking(self, *args):
        shown(self, *args)
        at.append(counters())

    monkeypatch.setattr(Progress, "on_step", marking)
    run = begin_any(name, 1, images=16 * 36, device="gpu", steps=18)  # one batch size, so memory is asked for once
    run.train()
    took = [{name: b[name] - a[name] for name in a} for a, b in zip(at, at[1:], strict=False)]  # steps 2 to 18
    for n, counts in enumerate(took, 2):
        copies = {name: counts[name] for name in ("h2d", "d2h", "sync")}
        if n % 6:
            assert copies == {"h2d": COPIES[name], "d2h": 0, "sync": 0}, f"step {n}"
        elif n < 18:  # its figures are fetched, all at once
            assert copies["d2h"] == 1 and copies["sync"] == 1, f"step {n}"
    assert len(took) == 17 and took[14]["cudaMalloc"] == took[13]["cudaMalloc"] == 0


@pytest.mark.parametrize(("model", "copies"), [("cgan28", 3), ("critic28", 5 * 3)])
def test_nor_does_a_step_of_a_model_with_labels_or_a_penalty(model, copies, begin, counters):
    """Labels lie on the device; the penalty's gradient is of second order."""
    run = steps(begin(1, model=model, images=8 * 20, batch_size=8, device="gpu"), 2)
    before = counters()
    steps(run, 1)
    took = {name: counters()[name] - before[name] for name in ("h2d", "d2h", "sync")}
    assert took == {"h2d": copies, "d2h": 0, "sync": 0}


def test_drawing_copies_a_batch_of_images_once(begin, counters):
    run = begin(1, device="gpu")
    before = counters()
    images = run.sample(AT_ONCE + 30, seed=5)
    after = counters()
    assert isinstance(images, np.ndarray) and images.shape == (AT_ONCE + 30, 1, 8, 8)
    assert (after["d2h"] - before["d2h"], after["h2d"] - before["h2d"]) == (2, 2)
    np.testing.assert_allclose(images, begin(1, "other", device="cpu").sample(AT_ONCE + 30, seed=5), atol=1e-6)


def test_saving_copies_every_array_once(begin, counters):
    run = steps(begin(1, device="gpu"), 2)
    before = counters()
    checkpoint = checkpoint_of(run)
    check_state(run, checkpoint.arrays)
    assert counters()["d2h"] - before["d2h"] == len(checkpoint.arrays)
    assert all(isinstance(array, np.ndarray) for array in checkpoint.arrays.values())


# --- images sent ahead ---------------------------------------------------------------------------


def test_one_batch_more_is_made_on_a_gpu_and_none_on_a_cpu(device):
    for where, more in ((backend.CPU, 0), (device, 1)):
        made = []

        def batches(made=made):
            for k in range(4):
                made.append(k)
                yield Batch(global_size=9, x=np.full((k + 1, 3), k, "float32"), y=np.arange(k + 1))

        for k, batch in enumerate(prefetch(batches(), where)):
            assert len(made) == min(4, k + 1 + more)
            assert backend.device_of(batch.x) == backend.device_of(batch.y) == where and batch.global_size == 9
            np.testing.assert_array_equal(backend.to_numpy(batch.x), np.full((k + 1, 3), k))
            np.testing.assert_array_equal(backend.to_numpy(batch.y), np.arange(k + 1))
        assert k == 3
    assert list(prefetch([], device)) == []


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
    monkeypatch.setattr(sys.modules["minigan.data.prefetch"], "_stream", lambda device: copying)
    batches = [Batch(x=np.full(3, k, "float32")) for k in range(3)]
    with computing:
        for k, batch in enumerate(prefetch(batches, device)):
            assert cupy.cuda.get_current_stream() == computing
            asked.append(f"step {k}")
            assert float(batch.x.sum()) == 3 * k
    assert asked == [
        "copy waits",
        "step waits", "copy waits", "step 0",
        "step waits", "copy waits", "step 1",
        "step waits", "step 2",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["gan", "wgan-gp"])
def test_what_was_sent_ahead_and_not_used_is_sent_again(name, begin_any, go_on, left_by, at_step):
    whole, run = begin_any(name, 1, "whole", device="gpu"), begin_any(name, 1, "stopped", device="gpu")
    whole.train()
    at_step(2, lambda trainer: os.kill(os.getpid(), signal.SIGTERM))
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
    with pytest.raises(NonFiniteError) as caught:
        run.train()
    assert str(caught.value).startswith("loss_D became nan at step 2 (epoch 1), as was seen at step 5; the first to")
    assert "was Sqrt's backward pass: it arose here" in str(caught.value)
    checkpoint = load_checkpoint(run.run_dir.last_checkpoint)
    assert checkpoint.progress["step"] == 0 and all(np.isfinite(a).all() for a in checkpoint.arrays.values())
    assert list(run.run_dir.lines()) == []


def test_what_a_stopped_run_would_save_is_looked_at_first(begin, at_step):
    def spoil(trainer):
        trainer.algorithm.networks["D"].parameters()[0].array[...] = np.nan
        at_step(3, lambda trainer: os.kill(os.getpid(), signal.SIGTERM))

    run = begin(2, device="gpu")
    at_step(2, spoil)
    with pytest.raises(NonFiniteError, match=r"^loss_D became nan at step 3 \(epoch 1\); its source was not"):
        run.train()
    assert load_checkpoint(run.run_dir.last_checkpoint).progress["step"] == 0

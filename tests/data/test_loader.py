"""`Loader`: batches without end, from any place, shared out to processes."""

from __future__ import annotations

import sys
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigan.backend import CPU, Device
from minigan.backend.distributed import ProcessGroup
from minigan.data import ArrayDataset, Batch, Batches, DataError, ImageDataset, Loader, UnpairedDataset, prefetch

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 1, 2, 3), dtype=np.uint8)
LABELLED = ImageDataset(IMAGES, np.arange(11), "d", "the test's images")
PLAIN = ImageDataset(IMAGES, None, "d", "the test's images")
UNPAIRED = UnpairedDataset(LABELLED, ImageDataset(IMAGES[:4], None, "e", "few"))


def one_of(rank: int, size: int) -> ProcessGroup:
    """A process' place among some, without the others."""
    group = ProcessGroup()
    group.rank, group.size = rank, size
    return group


def taken(loader: Loader, n: int) -> list[dict[str, list]]:
    """The next n batches, as lists of numbers."""
    return [{name: array.tolist() for name, array in batch.arrays.items()} for batch in islice(loader, n)]


# --- which batches -------------------------------------------------------------------------------


def test_epochs_follow_each_other_each_of_all_samples_in_its_own_order():
    loader = Loader(LABELLED, 4, seed=5)
    assert len(loader) == 3
    found = list(islice(loader, 6))
    assert [len(batch) for batch in found] == [4, 4, 3, 4, 4, 3]
    for epoch in (0, 1):
        ours = found[3 * epoch : 3 * epoch + 3]
        order = np.concatenate(list(Batches(11, 4, seed=5).epoch(epoch)))
        assert np.concatenate([batch.y for batch in ours]).tolist() == order.tolist()
        np.testing.assert_array_equal(np.concatenate([batch.x for batch in ours]), LABELLED[order].x)


def test_the_seed_makes_the_order():
    orders = {tuple(np.concatenate([b.y for b in islice(Loader(LABELLED, 4, seed), 3)]).tolist()) for seed in range(5)}
    assert len(orders) == 5


def test_two_unpaired_sets_are_shuffled_each_by_itself():
    found = list(islice(Loader(UNPAIRED, 4, seed=5), 3))
    whole = UNPAIRED[UNPAIRED.order(np.random.default_rng([5, 0]))]
    for name in "ab":
        np.testing.assert_array_equal(np.concatenate([batch[name] for batch in found]), whole[name])


@pytest.mark.parametrize(
    "n, size, sizes", [(9, 4, [4, 4]), (10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 4, [3]), (5, 5, [5])]
)
def test_a_last_batch_of_one_is_left_out(n, size, sizes):
    loader = Loader(ArrayDataset({"x": np.arange(n)}, "d", "here"), size)
    assert len(loader) == len(sizes) and loader.smallest_batch == sizes[-1]
    assert [len(batch) for batch in islice(loader, 2 * len(sizes))] == sizes * 2


# --- from any place ------------------------------------------------------------------------------


@given(stop=st.integers(0, 9), data=st.sampled_from([LABELLED, UNPAIRED]), seed=st.integers(0, 5))
def test_going_on_from_a_place_gives_what_an_uninterrupted_loader_gives(stop, data, seed):
    whole = taken(Loader(data, 4, seed), 12)
    stopped = Loader(data, 4, seed)
    assert taken(stopped, stop) == whole[:stop]
    resumed = Loader(data, 4, seed)
    resumed.load_state_dict(stopped.state_dict())
    assert taken(resumed, 12 - stop) == whole[stop:]


def test_the_place_counts_the_batches_that_were_handed_out_and_no_others():
    loader = Loader(LABELLED, 4)
    batches, places = iter(loader), [loader.state_dict()]
    for _ in range(7):
        next(batches)
        places.append(loader.state_dict())
    assert [(p["epoch"], p["position"]) for p in places] == [(e, p) for e in range(3) for p in range(3)][:8]


def test_another_iterator_goes_on_where_the_last_one_was_left():
    loader = Loader(LABELLED, 4)
    assert taken(loader, 2) + taken(loader, 3) == taken(Loader(LABELLED, 4), 5)


# --- which arrays --------------------------------------------------------------------------------


def test_a_batch_has_the_arrays_that_are_wanted():
    assert list(next(iter(Loader(LABELLED, 4))).arrays) == ["x", "y"]
    assert list(next(iter(Loader(LABELLED, 4, names=["x"]))).arrays) == ["x"]
    assert list(next(iter(Loader(UNPAIRED, 4))).arrays) == ["a", "b"]


def test_what_the_data_lacks_is_told_before_anything_is_trained():
    with pytest.raises(DataError) as error:
        Loader(PLAIN, 4, names=["x", "y"])
    assert str(error.value) == (
        "the test's images has samples (x), but training needs samples (x) and labels (y): there is no labels (y)"
    )
    with pytest.raises(DataError, match="has a and b, but training needs samples .x.: there is no samples .x."):
        Loader(UNPAIRED, 4, names=["x"])


def test_one_sample_is_too_few():
    with pytest.raises(DataError, match="the test's images holds 1 image, but training needs 2 or more"):
        Loader(ImageDataset(IMAGES[:1], None, "d", "the test's images"), 4)


# --- several processes ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("data", [LABELLED, UNPAIRED], ids=["labelled", "unpaired"])
def test_the_shares_of_all_processes_are_the_whole_batch(size, data):
    alone = list(islice(Loader(data, 6), 4))
    shares = [list(islice(Loader(data, 6, process_group=one_of(rank, size)), 4)) for rank in range(size)]
    for whole, *parts in zip(alone, *shares, strict=True):
        assert [part.global_size for part in parts] == [len(whole)] * size
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        for name, array in whole.arrays.items():
            np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), array)


def test_the_group_knows_the_size_of_the_batch_at_hand():
    """Noise is drawn, and gradients are averaged, by it: batches of an epoch differ in it."""
    group = one_of(1, 2)
    batches = islice(Loader(LABELLED, 4, process_group=group), 4)
    seen = [(group.global_size, group.local_size, group.start, len(batch)) for batch in batches]
    assert seen == [(4, 2, 2, 2), (4, 2, 2, 2), (3, 2, 1, 2), (4, 2, 2, 2)]


# --- sending ahead -------------------------------------------------------------------------------


def test_on_a_cpu_a_batch_is_made_when_it_is_asked_for_and_stays_where_it_is():
    made = []

    def batches():
        for n in range(3):
            made.append(Batch(x=np.full(2, n)))
            yield made[-1]

    ahead = prefetch(batches(), CPU)
    assert made == []
    assert next(ahead) is made[0] and len(made) == 1
    assert list(ahead) == made[1:]


class Stream:
    """Writes down what a stream is asked for, in the order of all streams."""

    def __init__(self, name: str, log: list) -> None:
        self.name, self.log = name, log

    def record(self) -> str:
        self.log.append(f"{self.name} records {len(self.log)}")
        return self.log[-1]

    def wait_event(self, event: str) -> None:
        self.log.append((self.name, "waits", event))

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None: ...


def test_for_a_gpu_the_next_batch_is_on_its_way_before_this_one_is_used(monkeypatch):
    """Nothing there runs when it is asked for, but in the order in which streams and events say."""
    module, log = sys.modules["minigan.data.prefetch"], []
    work, copying = Stream("work", log), Stream("copying", log)
    cuda = SimpleNamespace(get_current_stream=lambda: work)
    fake = SimpleNamespace(cuda=cuda, asarray=lambda array: log.append(("copy", array.tolist())) or array.copy())
    monkeypatch.setattr(module.cupy_backend, "ready", lambda index: fake)
    monkeypatch.setattr(module, "_stream", lambda device: copying)

    made = []

    def batches():
        for n in range(3):
            made.append(n)
            yield Batch(5, x=np.full(2, n))

    for n, batch in enumerate(prefetch(batches(), Device("gpu"))):
        assert made == list(range(min(n + 2, 3))) and batch.global_size == 5 and batch.x.tolist() == [n, n]
        at = log.index(("copy", [n, n]))
        asked_for, waits, arrival = log[at - 2], log[at - 1], log[at + 1]
        assert asked_for.startswith("work records") and waits == ("copying", "waits", asked_for)
        assert arrival.startswith("copying records") and ("work", "waits", arrival) in log
        log.append(f"step {n}")
    # The memory of a batch that a step still reads is not written: the copy waits for all that was asked for before.
    assert n == 2 and log.index(("copy", [2, 2])) > log.index("step 0")
    assert list(prefetch([], Device("gpu"))) == []


def test_only_what_is_wanted_is_sent(monkeypatch):
    """And with the size of the whole batch."""
    from minigan.data import loader

    sent = []

    def look(batches, device):
        for batch in batches:
            sent.append((list(batch.arrays), batch.global_size, device))
            yield batch

    monkeypatch.setattr(loader, "prefetch", look)
    next(iter(Loader(LABELLED, 4, names=["y"], device="there", process_group=one_of(0, 2))))
    assert sent == [(["y"], 4, "there")]

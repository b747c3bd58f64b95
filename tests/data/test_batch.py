"""`Batch`: named arrays of one length."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from minigan.data import Batch, DataError


@pytest.fixture
def batch():
    return Batch(x=np.arange(6.0).reshape(3, 2), y=np.array([4, 5, 6]))


def test_arrays_are_had_by_their_names(batch):
    assert len(batch) == batch.global_size == 3
    assert batch.y is batch["y"] and batch.y.tolist() == [4, 5, 6]
    assert "x" in batch and "z" not in batch
    assert repr(batch) == "Batch(x (3, 2), y (3,))"


def test_a_name_that_there_is_not_is_an_attribute_error_that_says_which_there_are(batch):
    with pytest.raises(AttributeError, match="this batch has x, y, but no tokens"):
        _ = batch.tokens
    assert not hasattr(batch, "tokens")
    with pytest.raises(KeyError):
        batch["tokens"]


def test_arrays_of_several_lengths_or_none_are_refused():
    with pytest.raises(DataError, match="must have one length, but they have {'x': 3, 'y': 2}"):
        Batch(x=np.zeros(3), y=np.zeros(2))
    with pytest.raises(DataError, match="needs one array or more"):
        Batch()


def test_what_is_made_of_a_share_is_a_share_of_the_same_batch():
    share = Batch(8, x=np.ones((3, 2)), y=np.arange(3))
    doubled, alone = share.map(lambda array: array * 2), share.only(["y"])
    assert len(share) == 3 and [b.global_size for b in (share, doubled, alone)] == [8, 8, 8]
    assert (doubled.x == 2).all() and doubled.y.tolist() == [0, 2, 4]
    assert list(alone.arrays) == ["y"] and list(share.arrays) == ["x", "y"]


@pytest.mark.parametrize("twice", [copy.deepcopy, copy.copy, lambda batch: pickle.loads(pickle.dumps(batch))])
def test_it_can_be_copied(twice, batch):
    again = twice(Batch(5, **batch.arrays))
    assert again.global_size == 5 and again.y.tolist() == [4, 5, 6]

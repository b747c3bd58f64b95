"""Samples asked for by label, equally many of each."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.algorithms import GAN
from minigan.algorithms.samples import generate_labelled
from minigan.autograd import Tensor
from minigan.data import DataInfo

pytestmark = pytest.mark.host_only("samples are counted and compared on the host")


class Asked(GAN):
    """Samples that are the label, and a random number."""

    classes = 3

    def sample(self, n, rng, label=None):
        return Tensor(np.stack([np.full(n, -1.0 if label is None else label), rng.standard_normal(n)], axis=1))


@pytest.fixture
def asked():
    return Asked().build(DataInfo({"x": (1, 28, 28)}))


def test_equally_many_of_each_label_and_each_from_noise_of_its_own(asked):
    x, labels = generate_labelled(asked, 8)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2] == x[:, 0].tolist()
    assert len({*x[:, 1].tolist()}) == 8
    again, other = generate_labelled(asked, 8)[0], generate_labelled(asked, 8, seed=1)[0]
    np.testing.assert_array_equal(again, x)
    assert not {*other[:, 1].tolist()} & {*x[:, 1].tolist()}


def test_fewer_than_there_are_labels(asked):
    x, labels = generate_labelled(asked, 2)
    assert labels.tolist() == [0, 1] == x[:, 0].tolist()


def test_an_algorithm_without_labels_gives_none(asked):
    asked.classes = 0
    x, labels = generate_labelled(asked, 4)
    assert labels is None and x[:, 0].tolist() == [-1.0] * 4

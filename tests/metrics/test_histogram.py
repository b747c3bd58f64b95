"""Shares of classes and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import class_histogram, conditional_accuracy, kl_divergence, rarest_share

rng = np.random.default_rng(0)


def test_shares_by_hand():
    labels = np.array([0, 2, 2, 3])
    np.testing.assert_array_equal(class_histogram(labels, 4), [0.25, 0, 0.5, 0.25])
    assert rarest_share(labels, 4) == 0 and rarest_share(np.arange(10), 10) == 0.1
    assert rarest_share(np.array([0, 0, 1]), 2) == pytest.approx(1 / 3)
    assert len(class_histogram(labels, 7)) == 7


def test_kl_is_not_symmetric_and_infinite_where_q_lacks_a_class():
    assert kl_divergence([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert kl_divergence([0, 1], [0.25, 0.75]) == pytest.approx(np.log(4 / 3))
    assert kl_divergence([0.25, 0.75], [0, 1]) == np.inf
    p = rng.dirichlet(np.ones(6))
    assert kl_divergence(p, p) == 0
    assert kl_divergence(p, np.full(6, 1 / 6)) == pytest.approx(np.log(6) + (p * np.log(p)).sum())


def test_conditional_accuracy_of_permuted_labels_is_that_of_chance():
    asked = np.arange(5000) % 10
    assert conditional_accuracy(asked, asked) == 1
    assert conditional_accuracy(rng.permutation(asked), asked) == pytest.approx(0.1, abs=0.02)
    assert conditional_accuracy(np.array([1, 2, 3]), np.array([1, 2, 4])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: class_histogram(np.array([0, 10]), 10), "labels 0 to 10, but classes are 0 to 9"),
        (lambda: class_histogram(np.array([-1, 3]), 10), "labels -1 to 3"),
        (lambda: rarest_share(np.array([], int), 10), "one or more whole numbers"),
        (lambda: class_histogram(np.array([0.5]), 10), "whole numbers is needed, not float64"),
        (lambda: conditional_accuracy(np.zeros((3, 10)), np.zeros(3, int)), r"float64 \(3, 10\)"),
        (lambda: conditional_accuracy(np.zeros(3, int), np.zeros(1, int)), "3 labels were predicted, 1 asked for"),
        (lambda: kl_divergence([3, 7], [0.5, 0.5]), "p must be shares"),
        (lambda: kl_divergence([0.5, 0.5], [1.5, -0.5]), "q must be shares"),
        (lambda: kl_divergence([np.nan, 1], [0.5, 0.5]), "p must be shares"),
        (lambda: kl_divergence([1], [0.5, 0.5]), "of one length"),
    ],
)
def test_what_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()

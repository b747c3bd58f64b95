"""Pairs and stacks of MNIST's digits: which come together, and their labels."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import ImageDataset, digits, load, load_mnist, load_paired_digits


@pytest.fixture(scope="module")
def mnist():
    return load_mnist("test")


@pytest.fixture(scope="module")
def pairs():
    return load("paired-digits", split="test")


@pytest.fixture(scope="module")
def stacks():
    return load("stacked-digits", split="test")


def rows(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def test_a_pair_is_two_digits_of_one_class(mnist, pairs):
    assert pairs.images.shape == (10_000, 1, 28, 56) and pairs.name == "paired-digits"
    left, right = pairs.images[..., :28], pairs.images[..., 28:]
    np.testing.assert_array_equal(left, mnist.images)
    np.testing.assert_array_equal(pairs.labels, mnist.labels)
    partners = digits.partners(mnist.labels)
    np.testing.assert_array_equal(right, mnist.images[partners])
    np.testing.assert_array_equal(mnist.labels[partners], mnist.labels)
    assert not (partners == np.arange(10_000)).any(), "another digit of the class"
    np.testing.assert_array_equal(np.sort(partners), np.arange(10_000))
    assert len(set(np.diff(partners).tolist())) > 1000, "drawn, not the next one"
    assert "test set, pairs of one class" in pairs.source


def test_a_lone_label_is_its_own_partner():
    assert digits.partners(np.array([3, 1, 3])).tolist() == [2, 1, 0]


def test_a_square_image_of_a_pair_has_both_digits(mnist, pairs, monkeypatch):
    """Black above and below; the digits half as large, none cut off."""
    few = ImageDataset(mnist.images[:40], mnist.labels[:40], "mnist", "")
    monkeypatch.setattr(digits, "load_mnist", lambda split: few)
    squared, plain = load_paired_digits("test", 28), load_paired_digits("test", (28, 56))
    assert squared.images.shape == (40, 1, 28, 28) and plain.images.shape == (40, 1, 28, 56)
    assert squared.images[:, :, :6].max() < 40 and squared.images[:, :, -6:].max() < 40
    np.testing.assert_allclose(squared.images.mean((1, 2, 3)), plain.images.mean((1, 2, 3)) / 2, rtol=0.2)
    for half in (slice(0, 14), slice(14, 28)):
        assert squared.images[:, :, :, half].max(axis=(1, 2, 3)).min() > 150


def test_what_is_drawn_is_always_the_same(pairs, stacks):
    assert pairs.fingerprint == "1b849422609b94dc" and stacks.fingerprint == "95fb4362eaf9a593"


def test_they_can_be_read_otherwise(mnist):
    both = load("STACKED-digits", channels=1, split="test", flip=True)
    assert both.images.shape == (20_000, 1, 28, 28)
    np.testing.assert_array_equal(both.labels[:10_000], both.labels[10_000:])

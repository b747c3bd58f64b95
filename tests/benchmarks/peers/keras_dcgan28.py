"""The Keras DCGAN tutorial in Keras: both networks, and the simultaneous step as one `tf.function`."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from . import image_batches

LATENT = 100
IMAGE = (1, 28, 28)


def build() -> tuple[keras.Sequential, keras.Sequential]:
    """G: (N, 100) -> (N, 28, 28, 1), and D: (N, 28, 28, 1) -> logits (N, 1), as Keras initialises them."""
    up = {"padding": "same", "use_bias": False}
    generator = keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, strides=1, **up),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, strides=2, **up),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, activation="tanh", **up),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, discriminator


class Step:
    """One training step a call, on prepared images."""

    def __init__(self, batch: int, images: np.ndarray | None = None, compiled: bool = False, seed: int = 0) -> None:
        keras.utils.set_random_seed(seed)
        self.batch = batch
        self.generator, self.discriminator = build()
        self.loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.g_adam, self.d_adam = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
        self.g_adam.build(self.generator.trainable_variables)
        self.d_adam.build(self.discriminator.trainable_variables)
        self.images = image_batches(images, batch, IMAGE, seed)
        self.step = tf.function(self._step, jit_compile=compiled)

    def _step(self, images: Any) -> tuple[Any, Any]:
        """Both gradients from the same weights, then both updates."""
        z = tf.random.normal((self.batch, LATENT))
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = self.generator(z, training=True)
            real_logits = self.discriminator(images, training=True)
            fake_logits = self.discriminator(fake, training=True)
            loss_g = self.loss(tf.ones_like(fake_logits), fake_logits)
            loss_d = self.loss(tf.ones_like(real_logits), real_logits)
            loss_d += self.loss(tf.zeros_like(fake_logits), fake_logits)
        for tape, loss, network, adam in (
            (g_tape, loss_g, self.generator, self.g_adam),
            (d_tape, loss_d, self.discriminator, self.d_adam),
        ):
            variables = network.trainable_variables
            adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss_d, loss_g

    def __call__(self) -> tuple[Any, Any]:
        # One channel: (N, 1, 28, 28) and (N, 28, 28, 1) are the same bytes.
        images = next(self.images).reshape(self.batch, 28, 28, 1)
        return self.step(tf.constant(images))


def make_step(
    batch: int = 256, images: np.ndarray | None = None, compiled: bool = False, seed: int = 0
) -> Callable[[], tuple[Any, Any]]:
    """A `Step`; `compiled` asks for XLA."""
    return Step(batch, images, compiled, seed)

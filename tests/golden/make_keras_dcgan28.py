"""Write `keras_dcgan28.npz`: what Keras computes for the DCGAN tutorial from `recipe.py`'s inputs.

    pip install tensorflow-cpu && python tests/golden/make_keras_dcgan28.py

Two networks, one batch of 8, three simultaneous training steps, once in float32 and once in float64
(the same float32 inputs). The dropout layer is replaced: it multiplies by a given mask instead of a
random one. In the float64 run two things Keras would round to float32 are kept exact: LeakyReLU's
slope (TensorFlow's operation stores it in float32) and Adam's constants (passed as np.float64).
`README.md` lists the keys of the file.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path
from typing import Any

import keras
import numpy as np
import recipe
import tensorflow as tf
from keras import layers

HERE = Path(__file__).resolve().parent
Arrays = dict[str, np.ndarray]


class GivenDropout(layers.Layer):
    """y = x * given, where `given` (N, H, W, C) holds 0 or 1 / (1 - p); without one, y = x."""

    given: Any = None

    def call(self, x: Any) -> Any:
        return x if self.given is None else x * self.given


class ExactLeakyReLU(layers.Layer):
    """y = x where x > 0, else 0.3 x, with the slope in x's own precision."""

    def call(self, x: Any) -> Any:
        return tf.where(x > 0, x, x * recipe.SLOPE)


def leaky_relu() -> layers.Layer:
    """Keras's own layer in float32, the exact one in float64."""
    return ExactLeakyReLU() if keras.config.floatx() == "float64" else layers.LeakyReLU()


def adam() -> keras.optimizers.Adam:
    """Adam(1e-4). Keras casts Python numbers through float32, and 1 - 0.999 loses five digits there."""
    if keras.config.floatx() == "float32":
        return keras.optimizers.Adam(recipe.LEARNING_RATE)
    return keras.optimizers.Adam(
        np.float64(recipe.LEARNING_RATE), beta_1=np.float64(0.9), beta_2=np.float64(0.999), epsilon=np.float64(1e-7)
    )


def build_generator() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((recipe.LATENT,)),
            layers.Dense(7 * 7 * 256, use_bias=False, name="dense"),
            layers.BatchNormalization(name="bn1"),
            leaky_relu(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False, name="convt1"),
            layers.BatchNormalization(name="bn2"),
            leaky_relu(),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False, name="convt2"),
            layers.BatchNormalization(name="bn3"),
            leaky_relu(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh", name="convt3"),
        ]
    )


def build_discriminator() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same", name="conv1"),
            leaky_relu(),
            GivenDropout(name="dropout0"),
            layers.Conv2D(128, 5, strides=2, padding="same", name="conv2"),
            leaky_relu(),
            GivenDropout(name="dropout1"),
            layers.Flatten(),
            layers.Dense(1, name="dense"),
        ]
    )


KERAS_NAMES = {
    "weight": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


class Run:
    """Both networks with the recipe's weights, and the tutorial's training step, in one precision."""

    def __init__(self, floatx: str) -> None:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(floatx)
        self.dtype = np.dtype(floatx).type
        self.networks = {"G": build_generator(), "D": build_discriminator()}
        self.start = {f"G.{k}": v for k, v in recipe.g_weights().items()}
        self.start |= {f"D.{k}": v for k, v in recipe.d_weights().items()}
        for name, value in self.start.items():
            self.variable(name).assign(recipe.to_keras(name, value).astype(self.dtype))
        self.loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.adam = {player: adam() for player in "GD"}
        for player, network in self.networks.items():
            expected = [self.variable(name) for name in self.start if name[0] == player]
            assert [id(v) for v in network.trainable_variables] == [id(v) for v in expected]

    def variable(self, name: str) -> Any:
        player, layer, kind = name.split(".")
        return getattr(self.networks[player].get_layer(layer), KERAS_NAMES[kind])

    def nhwc(self, a: np.ndarray) -> Any:
        return tf.constant(a.transpose(0, 2, 3, 1).astype(self.dtype))

    def discriminate(self, x: Any, step: int, call: int) -> Any:
        """D(x) in training mode, with the masks of this step and call."""
        for layer in (0, 1):
            mask = recipe.dropout_mask(step, call, layer, self.dtype)
            self.networks["D"].get_layer(f"dropout{layer}").given = self.nhwc(mask)
        return self.networks["D"](x, training=True)

    def step(self, step: int) -> Arrays:
        """One simultaneous step: both gradients from the weights before either update."""
        x, z = self.nhwc(recipe.images(step)), tf.constant(recipe.noise(step).astype(self.dtype))
        g_vars, d_vars = (self.networks[p].trainable_variables for p in "GD")
        with tf.GradientTape(persistent=True) as tape:
            fake = self.networks["G"](z, training=True)
            real_logits = self.discriminate(x, step, recipe.REAL)
            fake_logits = self.discriminate(fake, step, recipe.FAKE)
            loss_g = self.loss(tf.ones_like(fake_logits), fake_logits)
            loss_d = self.loss(tf.ones_like(real_logits), real_logits)
            loss_d += self.loss(tf.zeros_like(fake_logits), fake_logits)
        border, *g_grads = tape.gradient(loss_g, [fake, *(v.value for v in g_vars)])
        d_grads = tape.gradient(loss_d, [v.value for v in d_vars])
        self.adam["G"].apply_gradients(zip(g_grads, g_vars, strict=True))
        self.adam["D"].apply_gradients(zip(d_grads, d_vars, strict=True))
        found = {
            "fake": fake.numpy().transpose(0, 3, 1, 2),
            "logits_real": real_logits.numpy(),
            "logits_fake": fake_logits.numpy(),
            "loss_d": loss_d.numpy(),
            "loss_g": loss_g.numpy(),
            "border": border.numpy().transpose(0, 3, 1, 2),
        }
        for name, grad in zip(self.start, [*g_grads, *d_grads], strict=True):
            found |= summarised("grad", name, recipe.from_keras(name, grad.numpy()))
        return found

    def evaluate(self) -> Arrays:
        """What is left after the last step: weight changes, moving statistics, inference."""
        found: Arrays = {}
        for name, before in self.start.items():
            after = recipe.from_keras(name, self.variable(name).numpy())
            change = after.astype(np.float64) - before.astype(np.float64)
            found |= summarised("change", name, change.astype(self.dtype))
        for layer in ("bn1", "bn2", "bn3"):
            for kind in ("running_mean", "running_var"):
                name = f"G.{layer}.{kind}"
                found |= summarised("stats", name, recipe.from_keras(name, self.variable(name).numpy()))
        for layer in (0, 1):
            self.networks["D"].get_layer(f"dropout{layer}").given = None
        fake = self.networks["G"](tf.constant(recipe.noise(0).astype(self.dtype)), training=False)
        found["fake"] = fake.numpy().transpose(0, 3, 1, 2)
        found["logits_real"] = self.networks["D"](self.nhwc(recipe.images(0)), training=False).numpy()
        found["logits_fake"] = self.networks["D"](fake, training=False).numpy()
        return found


def summarised(group: str, name: str, array: np.ndarray) -> Arrays:
    return {f"{group}/{name}/{kind}": value for kind, value in recipe.summary(name, array).items()}


def make() -> Arrays:
    golden: Arrays = {
        "checksum": np.uint32(recipe.checksum()),
        "versions": np.array([f"{m.__name__} {m.__version__}" for m in (tf, keras, np)]),
    }
    for floatx, prefix in (("float32", "f32"), ("float64", "f64")):
        run = Run(floatx)
        steps = [run.step(i) for i in range(recipe.STEPS)]
        for loss in ("loss_d", "loss_g"):
            golden[f"{prefix}/{loss}"] = np.array([s.pop(loss) for s in steps])
        golden |= {f"{prefix}/step0/{key}": value for key, value in steps[0].items()}
        golden |= {f"{prefix}/after/{key}": value for key, value in run.evaluate().items()}
    return golden


if __name__ == "__main__":
    target = HERE / "keras_dcgan28.npz"
    np.savez_compressed(target, **make())
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB")

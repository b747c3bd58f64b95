"""The inputs behind `keras_dcgan28.npz`: every weight, image, noise vector and dropout draw.

Pure NumPy, and made to come out the same everywhere: the only random call is `Generator.random`,
the rest is exact or correctly rounded arithmetic. Everything is float32, so that a float64 run
starts from the very same numbers. Everything is in minigan's layout:

    dense (out, in), features in (C, H, W) order;  conv (O, I, KH, KW);  transposed conv (I, O, KH, KW)

`to_keras` and `from_keras` carry a parameter to Keras's layout and back.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

SEED = 28
BATCH = 8
LATENT = 100
STEPS = 3
DROPOUT = 0.3
SLOPE = 0.3
LEARNING_RATE = 1e-4
BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 0.01  # weight of the new value; Keras calls 1 - 0.01 its momentum

REAL, FAKE = 0, 1  # the two calls of D within a step, in this order

G_SHAPES: dict[str, tuple[int, ...]] = {
    "dense.weight": (7 * 7 * 256, LATENT),
    "bn1.gamma": (7 * 7 * 256,),
    "bn1.beta": (7 * 7 * 256,),
    "convt1.weight": (256, 128, 5, 5),
    "bn2.gamma": (128,),
    "bn2.beta": (128,),
    "convt2.weight": (128, 64, 5, 5),
    "bn3.gamma": (64,),
    "bn3.beta": (64,),
    "convt3.weight": (64, 1, 5, 5),
}
D_SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.weight": (64, 1, 5, 5),
    "conv1.bias": (64,),
    "conv2.weight": (128, 64, 5, 5),
    "conv2.bias": (128,),
    "dense.weight": (1, 7 * 7 * 128),
    "dense.bias": (1,),
}
DROPOUT_SHAPES = ((BATCH, 64, 14, 14), (BATCH, 128, 7, 7))  # after D's first and second LeakyReLU

# Streams of random numbers: default_rng([SEED, stream, ...]).
_G, _D, _IMAGES, _NOISE, _DROPOUT, _PROBE = range(6)
SAMPLES = 64  # entries kept of a large array
WHOLE = 13_000  # an array of at most this many entries is kept whole


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng([SEED, *key])


def _uniform(key: tuple[int, ...], shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """low + (high - low) u, u in [0, 1), as float32."""
    return (low + (high - low) * _rng(*key).random(shape)).astype(np.float32)


# ---------------------------------------------------------------------------------------- weights
def g_weights() -> dict[str, np.ndarray]:
    """The generator's weights, in layer order. BatchNorm's running mean and variance start at 0, 1."""
    return {name: _weight(_G, i, name, shape) for i, (name, shape) in enumerate(G_SHAPES.items())}


def d_weights() -> dict[str, np.ndarray]:
    """The discriminator's weights, in layer order."""
    return {name: _weight(_D, i, name, shape) for i, (name, shape) in enumerate(D_SHAPES.items())}


def _weight(player: int, index: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Kernels U(-a, a), a = sqrt(6 / (fan_in + fan_out)); gamma U(0.5, 1.5); beta and bias U(-0.2, 0.2).

    The tutorial starts with gamma 1, beta 0 and bias 0. Here they differ, so that a mistake in one
    of them shows.
    """
    if name.endswith(".gamma"):
        return _uniform((player, index), shape, 0.5, 1.5)
    if name.endswith((".beta", ".bias")):
        return _uniform((player, index), shape, -0.2, 0.2)
    pixels = int(np.prod(shape[2:], dtype=np.int64))
    a = float(np.sqrt(6 / ((shape[0] + shape[1]) * pixels)))
    return _uniform((player, index), shape, -a, a)


# --------------------------------------------------------------------------------- data of a step
def images(step: int) -> np.ndarray:
    """Smooth random images in [-1, 1], (8, 1, 28, 28): a coarse 8x8 grid, enlarged bilinearly.

    Grid values and weights are small fractions of powers of two, so the result is exact.
    """
    coarse = np.floor(_rng(_IMAGES, step).random((BATCH, 8, 8)) * 257 - 128) / 128
    fraction = np.arange(28) / 4
    low = np.floor(fraction).astype(np.int64)
    t = fraction - low
    rows = coarse[:, low] * (1 - t)[:, None] + coarse[:, low + 1] * t[:, None]
    both = rows[:, :, low] * (1 - t) + rows[:, :, low + 1] * t
    return both[:, None].astype(np.float32)


def noise(step: int) -> np.ndarray:
    """Nearly normal noise, (8, 100): the sum of twelve uniform numbers, less 6."""
    return (_rng(_NOISE, step).random((12, BATCH, LATENT)).sum(axis=0) - 6).astype(np.float32)


def dropout_uniforms(step: int, call: int, layer: int) -> np.ndarray:
    """u in [0, 1), float32, (N, C, H, W), of dropout `layer` (0, 1) in D's `call` (REAL, FAKE)."""
    return _rng(_DROPOUT, step, call, layer).random(DROPOUT_SHAPES[layer], dtype=np.float32)


def dropout_mask(step: int, call: int, layer: int, dtype: type = np.float32) -> np.ndarray:
    """What the activations are multiplied by: 1 / (1 - p) where u >= p, else 0."""
    keep = dropout_uniforms(step, call, layer) >= np.float32(DROPOUT)
    return keep.astype(dtype) / dtype(1 - DROPOUT)


# ------------------------------------------------------------------------------------- summaries
def summary(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """What is stored of `array`, which is called `name` ("G.convt1.weight").

    {"whole": array}, or for a large one {"norm", "sum", "dot", "sample"}: its 2-norm, its sum, its
    inner product with `direction(name, shape)`, all accumulated in float64, and the 64 entries
    `array.reshape(-1)[sample_indices(name, size)]`.
    """
    if array.size <= WHOLE:
        return {"whole": array}
    wide = array.astype(np.float64)
    return {
        "norm": np.sqrt(np.square(wide).sum()),
        "sum": wide.sum(),
        "dot": (wide * direction(name, array.shape)).sum(),
        "sample": array.reshape(-1)[sample_indices(name, array.size)],
    }


def direction(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A fixed random direction, U(-1, 1), float64."""
    return _rng(_PROBE, 0, zlib.crc32(name.encode())).random(shape) * 2 - 1


def sample_indices(name: str, size: int) -> np.ndarray:
    """64 fixed random flat indices into an array of `size` entries in minigan's layout."""
    return np.floor(_rng(_PROBE, 1, zlib.crc32(name.encode())).random(SAMPLES) * size).astype(np.int64)


def discrepancy(golden: Mapping[str, np.ndarray], key: str, array: np.ndarray) -> float:
    """The largest error of `array` against what `golden` holds under `key`, relative to its scale.

    `key` is a stored array ("f64/step0/border") or one kept as a summary, without the last part
    ("f64/step0/grad/G.convt1.weight"). Scales: whole and sample max |stored|, norm the norm, sum the
    norm times sqrt(size), dot the norm times the direction's norm; so a sum that nearly cancels is
    not asked for more digits than it has.
    """
    if key in golden:
        return _error(array, golden[key], float(np.abs(golden[key]).max()))
    name = key.rsplit("/", 1)[1]
    errors = []
    for kind, value in summary(name, array).items():
        stored = golden[f"{key}/{kind}"]
        scale = float(np.abs(stored).max())
        if kind in ("sum", "dot"):
            scale = float(golden[f"{key}/norm"]) * float(np.sqrt(array.size))
        if kind == "dot":
            scale *= float(np.sqrt(1 / 3))  # the root mean square of U(-1, 1)
        errors.append(_error(value, stored, scale))
    return max(errors)


def _error(found: np.ndarray, stored: np.ndarray, scale: float) -> float:
    """max |found - stored| / scale; NaN counts as infinite, and shapes must agree."""
    found, stored = np.asarray(found, np.float64), np.asarray(stored, np.float64)
    if found.shape != stored.shape:
        raise ValueError(f"shape {found.shape} found, {stored.shape} stored")
    worst = float(np.abs(found - stored).max()) / scale
    return worst if worst == worst else float("inf")


def checksum() -> int:
    """CRC-32 of every input above. If it differs from the stored one, the recipe came out otherwise
    on this machine, and no comparison with the golden numbers means anything."""
    arrays = [*g_weights().values(), *d_weights().values()]
    for step in range(STEPS):
        arrays += [images(step), noise(step)]
        arrays += [dropout_uniforms(step, call, layer) for call in (REAL, FAKE) for layer in (0, 1)]
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array, dtype="<f4").tobytes(), value)
    return value


# ---------------------------------------------------------------------------------- Keras's layout
def to_keras(name: str, a: np.ndarray) -> np.ndarray:
    """minigan's layout -> Keras's. `name` is "G." or "D." and the name in the tables above.

    conv (O, I, KH, KW) -> (KH, KW, I, O);  transposed (I, O, KH, KW) -> (KH, KW, O, I);
    dense (out, in) -> (in, out);  features (C, H, W) -> (H, W, C).
    """
    if a.ndim == 4:
        return a.transpose(2, 3, 1, 0)
    if name == "G.dense.weight":
        return a.reshape(256, 7, 7, LATENT).transpose(3, 1, 2, 0).reshape(LATENT, -1)
    if name == "D.dense.weight":
        return a.reshape(1, 128, 7, 7).transpose(2, 3, 1, 0).reshape(-1, 1)
    if name.startswith("G.bn1."):
        return a.reshape(256, 7, 7).transpose(1, 2, 0).reshape(-1)
    return a


def from_keras(name: str, a: np.ndarray) -> np.ndarray:
    """Keras's layout -> minigan's: the inverse of `to_keras`."""
    if a.ndim == 4:
        return a.transpose(3, 2, 0, 1)
    if name == "G.dense.weight":
        return a.reshape(LATENT, 7, 7, 256).transpose(3, 1, 2, 0).reshape(-1, LATENT)
    if name == "D.dense.weight":
        return a.reshape(7, 7, 128, 1).transpose(3, 2, 0, 1).reshape(1, -1)
    if name.startswith("G.bn1."):
        return a.reshape(7, 7, 256).transpose(2, 0, 1).reshape(-1)
    return a

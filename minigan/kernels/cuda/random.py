"""Dropout's masks, drawn on the GPU: NumPy's random numbers, made where they are used.

`default_rng` draws from PCG64 (O'Neill, 2014): a state s of 128 bits moves on by s ← a s + c, and 64 bits are made of
each (XSL-RR). 2ᵏ steps at once are such a step too, with a ← a², c ← c (a + 1) taken k times: a thread jumps to its
own place. The mask is NumPy's to the bit, and the generator is left as if it had drawn it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from minigan.backend import Array, get_array_module
from minigan.kernels.cuda import CONSTANTS, launch, suits

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645  # a, in NumPy's pcg64.h
JUMPS, DRAWS = CONSTANTS["JUMPS"], CONSTANTS["DRAWS"]
WIDE = np.dtype([("high", np.uint64), ("low", np.uint64)])
TABLE = np.dtype([("a", WIDE, JUMPS), ("c", WIDE, JUMPS)])


def keep_mask(like: Array, shape: tuple[int, ...], p: float, rng: np.random.Generator) -> Array:
    """0 with probability p, else 1 / (1 − p), of `like`'s dtype."""
    if not suits(like) or type(rng.bit_generator) is not np.random.PCG64:
        return NotImplemented
    generator, scale = rng.bit_generator, like.dtype.type(1 / (1 - p))
    mask = get_array_module(like).empty(shape, like.dtype)
    least = math.ceil(float(np.float32(p)) * 2**24)  # of u = k / 2²⁴ ≥ p, where NumPy compares in float32
    with generator.lock:
        before = generator.state
        c, left, pending = before["state"]["inc"], before["uinteger"], before["has_uint32"]
        draws = max(mask.size - pending + 1, 0) // 2  # of 64 bits: two numbers each, and a half may be left from before
        first = _jumped(before["state"]["state"], c, 1)
        last = _jumped(before["state"]["state"], c, draws)
        generator.state = before | {
            "state": {"state": last, "inc": c},
            "has_uint32": (pending + mask.size) % 2,
            "uinteger": _drawn(last) >> 32 if draws else left,
        }
    threads = max(-(-draws // DRAWS), min(mask.size, 1))
    numbers = least, scale, pending, left
    launch("random", "keep_mask", threads, mask, mask.size, _wide(first), _table(c), *numbers, dtype=mask.dtype)
    return mask


@lru_cache(maxsize=8)
def _jumps(c: int) -> list[tuple[int, int]]:
    """(a, c) of 2ᵏ steps at once, for k = 0, 1, …"""
    jumps = [(MULTIPLIER, c)]
    while len(jumps) < JUMPS:
        a, c = jumps[-1]
        jumps.append((a * a % 2**128, c * (a + 1) % 2**128))
    return jumps


@lru_cache(maxsize=8)
def _table(c: int) -> np.ndarray:
    return np.array(tuple([_wide(x).item() for x in column] for column in zip(*_jumps(c), strict=True)), TABLE)


def _jumped(state: int, c: int, steps: int) -> int:
    for k, (a, c_k) in enumerate(_jumps(c)):
        if steps >> k & 1:
            state = (a * state + c_k) % 2**128
    return state


def _drawn(state: int) -> int:
    x, turn = (state >> 64 ^ state) % 2**64, state >> 122
    return (x >> turn | x << (64 - turn)) % 2**64


def _wide(x: int) -> np.ndarray:
    return np.array((x >> 64, x % 2**64), WIDE)

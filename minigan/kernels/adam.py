"""Adam's update of one array, in place."""

from __future__ import annotations

from minigan.backend import Array, get_array_module

SLICE_ELEMENTS = 1 << 15  # five arrays of this many float32 fit a core's L2 cache together


def adam_update(
    p: Array, g: Array, m: Array, v: Array, betas: tuple[float, float], rate: float, root_scale: float, eps: float
) -> None:
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε).

    All of one shape. Arrays in C order are gone through slice by slice.
    """
    xp = get_array_module(p)
    if xp.__name__ != "numpy" or not (p.flags.c_contiguous and m.flags.c_contiguous and v.flags.c_contiguous):
        _update(xp, p, g, m, v, betas, rate, root_scale, eps)
        return
    p, m, v = p.reshape(-1), m.reshape(-1), v.reshape(-1)
    g = xp.ascontiguousarray(g).reshape(-1)
    for start in range(0, p.size, SLICE_ELEMENTS):
        part = slice(start, start + SLICE_ELEMENTS)
        _update(xp, p[part], g[part], m[part], v[part], betas, rate, root_scale, eps)


def _update(xp, p, g, m, v, betas, rate, root_scale, eps) -> None:
    t = g * (1 - betas[0])
    m *= betas[0]
    m += t
    xp.multiply(g, g, out=t)
    t *= 1 - betas[1]
    v *= betas[1]
    v += t
    xp.sqrt(v, out=t)
    t *= root_scale
    t += eps
    xp.divide(m, t, out=t)
    t *= rate
    p -= t

"""Adam's update of one array, in place."""

from __future__ import annotations

from minigan.backend import Array, get_array_module

SLICE_ELEMENTS = 1 << 15  # five arrays of this many float32 fit a core's L2 cache together


def adam_update(
    p: Array, g: Array, m: Array, v: Array, betas: tuple[float, float], rate: float, root_scale: float, eps: float
) -> None:
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε).

    p, m and v are of g's shape.
    """
    xp = get_array_module(p)
    if not all(a.flags.c_contiguous for a in (p, m, v)):  # flattened they would be copies, and lose the update
        return _update(xp, p, g, m, v, betas, rate, root_scale, eps)
    p, m, v = p.reshape(-1), m.reshape(-1), v.reshape(-1)
    g = xp.ascontiguousarray(g).reshape(-1)
    step = SLICE_ELEMENTS if xp.__name__ == "numpy" else p.size
    for start in range(0, p.size, step):
        part = slice(start, start + step)
        _update(xp, p[part], g[part], m[part], v[part], betas, rate, root_scale, eps)


def _update(xp, p, g, m, v, betas, rate, root_scale, eps) -> None:
    t = g - m
    t *= 1 - betas[0]
    m += t
    xp.multiply(g, g, out=t)
    t -= v
    t *= 1 - betas[1]
    v += t
    xp.sqrt(v, out=t)
    t *= root_scale
    t += eps
    xp.divide(m, t, out=t)
    t *= rate
    p -= t

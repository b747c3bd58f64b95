WRONG_ANSWERS = {
    "warm-up": [
        (
            "(1 - momentum) * running + momentum * batch",
            "momentum * running + (1 - momentum) * batch",
            "the new counts with the share 0.1",
        ),
        ("(1 - momentum) * running + momentum * batch", "running + momentum * batch", "the old with the rest"),
        ("(1 - momentum) * running + momentum * batch", "(running + batch) / 2", "the new counts with the share 0.1"),
        ("(1 - momentum) * running + momentum * batch", "batch", "the old with the rest"),
        (
            "(1 - momentum) * running + momentum * batch",
            "(1 - momentum) * running - momentum * batch",
            "the new counts with",
        ),
        (
            "    return (1 - momentum) * running + momentum * batch",
            "    running += momentum * (batch - running)\n    return running",
            "leave the old one as it is",
        ),
    ],
    "exercise": [
        (" - x_hat * F.mean(dy * x_hat, axis=0)", "", "component along x̂"),
        ("gamma * r * (", "r * (", "does not double with γ"),
        (" - F.mean(dy, axis=0)", "", "does not add up to 0"),
        ("return dx, ", "unused = ", "three Tensors, not a NoneType"),
        ("return dx, ", "return ", "not 2 things"),
        ("F.sum(dy * x_hat, axis=0), ", "F.mean(dy * x_hat, axis=0), ", "too small"),
    ],
    "stretch": [
        (" - x_hat * F.mean(g * x_hat, axis=1, keepdims=True)", "", "is the way through r there"),
        ("F.mean(g * x_hat, axis=1, keepdims=True)", "F.mean(g * x_hat, axis=0, keepdims=True)", "and over c?"),
        ("F.mean(g * x_hat, axis=1", "F.mean(dy * x_hat, axis=1", "with γ dy"),
        ("(g - x_hat", "(g - F.mean(g, axis=1, keepdims=True) - x_hat", "dx must have nothing along x"),
        ("return r * (g", "return (g", "wrong"),
        ("F.sum(dy * x_hat", "F.mean(dy * x_hat", "too small"),
        (", F.sum(dy * x_hat, axis=0)", "", "return dx and dγ, two Tensors"),
    ],
}

WRONG_ANSWERS = {
    "warm-up": [
        ("np.where(x > 0, 1.0, s)", "np.maximum(x, s * x)", "these are the values; their slopes are asked for"),
        ("np.where(x > 0, 1.0, s)", "np.where(x > 0, s, 1.0)", "yours are [1.0, 1.0, 0.2, 0.2]"),
        ("np.where(x > 0, 1.0, s)", "np.where(x > 0, 1.0, 0.0)", "with s = 0.2"),
        ("np.where(x > 0, 1.0, s)", "np.where(x > 0, 1.0, -s)", "yours are [-0.2, -0.2, 1.0, 1.0]"),
        ("np.where(x > 0, 1.0, s)", "s", "a slope for each number"),
        ("np.where(x > 0, 1.0, s)", "np.where(x > 1, 1.0, s)", "yours are [0.2, 0.2, 0.2, 1.0]"),
    ],
    "exercise": [
        ("dy / (1.0 + F.abs(x)) ** 2", "dy / (1.0 + F.abs(x))", "is the quotient rule's square there?"),
        ("dy / (1", "-dy / (1", "the slope is 0.0625"),
        ("dy / (1.0 + F.abs(x))", "1.0 / (1.0 + F.abs(x))", "wrong"),
        ("F.abs(x)) ** 2", "x) ** 2", "is it |x|?"),
        ("        return x / (1 + np.abs(x))", "        return x / (1 + x * x)", "put it back as it was"),
        ("dy / (1.0 + F.abs(x)) ** 2", "dy / (1.0 + x * x)", "is the quotient rule's square there?"),
    ],
    "stretch": [
        ("(1.0 - F.abs(y)) ** 2 * dy", "(1.0 - F.abs(y)) * dy", "where y = 0.5, the slope is 0.25, yours is 0.5"),
        ("(1.0 - F.abs(y)) ** 2 * dy", "(1.0 - y) ** 2 * dy", "at x = -1.0, where y = -0.5"),
        ("(1.0 - F.abs(y)) ** 2 * dy", "(1.0 - y * y) * dy", "yours is 0.75"),
        ("(1.0 - F.abs(y)) ** 2 * dy", "dy / (1.0 + F.abs(y)) ** 2", "yours is 0.444444"),
        ("(1.0 - F.abs(y)) ** 2 * dy", "(1.0 - F.abs(y)) ** 2", "wrong"),
        ("        y = x / (1 + np.abs(x))", "        y = x + 0", "put it back as it was"),
    ],
}

WRONG_ANSWERS = {
    "warm-up": [
        (
            "np.prod(large, dtype=int) // np.prod(small, dtype=int)",
            "np.prod(large, dtype=int)",
            "is used 4 times in shape (3, 4), yours says 12",
        ),
        (
            "np.prod(large, dtype=int) // np.prod(small, dtype=int)",
            "np.prod(small, dtype=int) // np.prod(large, dtype=int)",
            "yours says 0",
        ),
        (
            "np.prod(large, dtype=int) // np.prod(small, dtype=int)",
            "len(large) - len(small)",
            "yours says 0: how many numbers",
        ),
        (
            "np.prod(large, dtype=int) // np.prod(small, dtype=int)",
            "max(large)",
            "each number of shape (4,) is used 3 times",
        ),
        ("np.prod(large, dtype=int) // np.prod(small, dtype=int)", "large[-1] // small[-1]", "yours says 1"),
    ],
    "exercise": [
        ("dy.sum(", "dy.mean(", "Is it a mean, where a sum is wanted?"),
        ("if length == 1", "if length > 1", "your code fails: ValueError"),
        ("*range(in_front), ", "", "your code fails: ValueError"),
        (".reshape(shape)", "", "should have shape"),
        ("return dy.sum(", "dy[...] = 0\n    return dy.sum(", "changed its argument"),
        ("return dy.sum(", "return dy.astype(np.float64).sum(", "should stay so, yours is float64"),
    ],
    "stretch": [
        ("dy - dy.mean(axis=0)", "dy.copy()", "that is the direct way alone"),
        ("dy - dy.mean(axis=0)", "dy + dy.mean(axis=0)", "each column of dx must add up to 0"),
        ("dy - dy.mean(axis=0)", "dy - dy.mean()", "each column of dx must add up to 0"),
        ("dy - dy.mean(axis=0)", "dy - dy.mean(axis=1, keepdims=True)", "each column of dx must add up to 0"),
        ("dy - dy.mean(axis=0)", "dy - dy.sum(axis=0)", "each column of dx must add up to 0"),
        ("return dy - dy.mean(axis=0)", "dy -= dy.mean(axis=0)\n    return dy", "changed its argument"),
        ("dy - dy.mean(axis=0)", "2 * (dy - dy.mean(axis=0))", "no transpose"),
        ("dy - dy.mean(axis=0)", "dy.mean(axis=0)", "return an array of dy's shape"),
    ],
}

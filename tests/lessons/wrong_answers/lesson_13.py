WRONG_ANSWERS = {
    "warm-up": [
        ("(p * b + q * a) / (p + q)", "(p * a + q * b) / (p + q)", "fakes only, the best answer is a"),
        ("(p * b + q * a) / (p + q)", "p / (p + q)", "with a = -1, b = 1: where there are fakes only"),
        ("(p * b + q * a) / (p + q)", "(p * b + q * a)", "reals only, the best answer is b"),
        ("(p * b + q * a) / (p + q)", "(p**2 * b + q**2 * a) / (p**2 + q**2)", "the cost still"),
        ("(p * b + q * a) / (p + q)", "((p * b + q * a) / (p + q)).mean()", "an answer for each place"),
        ("(p * b + q * a) / (p + q)", "np.where(p > q, b, a)", "the cost still"),
        ("(p * b + q * a) / (p + q)", "(p * b - q * a) / (p + q)", "fakes only, the best answer is a"),
    ],
    "exercise": [
        (
            "((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2",
            "(real_logits**2).mean() / 2 + ((fake_logits - 1) ** 2).mean() / 2",
            "right about all",
        ),
        (
            "((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2",
            "((real_logits - 1) ** 2).mean() + (fake_logits**2).mean()",
            "D should pay ½ + ½",
        ),
        (
            "((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2",
            "((real_logits - 1) ** 2).sum() / 2 + (fake_logits**2).sum() / 2",
            "D should pay ½ + ½",
        ),
        (
            "((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2",
            "((real_logits - 1) ** 2 + fake_logits**2).mean() / 2",
            "your code fails",
        ),
        (
            "((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2",
            "(real_logits.mean() - 1) ** 2 / 2 + fake_logits.mean() ** 2 / 2",
            "squares first",
        ),
        ("return ((fake_logits - 1) ** 2).mean() / 2", "return (fake_logits**2).mean() / 2", "Which label does G want"),
        ("return ((fake_logits - 1) ** 2).mean() / 2", "return ((fake_logits - 1) ** 2).mean()", "G should pay ½"),
        ("return ((fake_logits - 1) ** 2).mean() / 2", "return ((fake_logits - 1) ** 2) / 2", "is a mean missing?"),
        ("return ((fake_logits - 1) ** 2).mean() / 2", "return (fake_logits.mean() - 1) ** 2 / 2", "a mean of squares"),
        (
            "return ((fake_logits - 1) ** 2).mean() / 2",
            "return ((1 / (1 + np.exp(-fake_logits)) - 1) ** 2).mean() / 2",
            "Which label does G want",
        ),
        (
            "return ((fake_logits - 1) ** 2).mean() / 2",
            "return (np.maximum(0, 1 - fake_logits) ** 2).mean() / 2",
            "for more than real",
        ),
        (
            "return (fake_logits - 1.0) * (dy / fake_logits.size)",
            "return (1.0 - fake_logits) * (dy / fake_logits.size)",
            "opposite sign",
        ),
        (
            "return (fake_logits - 1.0) * (dy / fake_logits.size)",
            "return (fake_logits - 1.0) * (2.0 * dy / fake_logits.size)",
            "2",
        ),
        ("(dy / real_logits.size), fake", "(dy / len(real_logits)), fake", "9 times"),
        ("(dy / real_logits.size), fake", "(dy / fake_logits.size), fake", "times"),
        (
            "(real_logits - 1.0) * (dy / real_logits.size), fake_logits * (dy / fake_logits.size)",
            "fake_logits * (dy / fake_logits.size), (real_logits - 1.0) * (dy / real_logits.size)",
            "",
        ),
    ],
    "stretch": [
        ("np.maximum(0, 1 - real_logits).mean()", "np.maximum(0, 1 + real_logits).mean()", "with 1.5 at 3 reals"),
        ("np.maximum(0, 1 - real_logits).mean()", "max(0, 1 - real_logits.mean())", "the maximum first"),
        ("np.maximum(0, 1 - real_logits).mean()", "(1 - real_logits).mean()", "D should pay 0"),
        ("np.maximum(0, 1 - real_logits).mean()", "np.maximum(0, 1 - real_logits).sum()", "D should pay 2, yours 4"),
        ("(real_logits < 1) * (-dy / real_logits.size)", "(real_logits < 0) * (-dy / real_logits.size)", "one of 6"),
        ("(real_logits < 1) * (-dy / real_logits.size)", "(real_logits < 1) * (dy / real_logits.size)", "is -0.5;"),
        (
            "(real_logits < 1) * (-dy / real_logits.size)",
            "real_logits * 0.0 - dy / real_logits.size",
            "costs nothing: its gradient is 0",
        ),
        ("(fake_logits > -1) * (dy / fake_logits.size)", "(fake_logits > -1) * dy", "at a fake logit of"),
        (
            "(fake_logits > -1) * (dy / fake_logits.size)",
            "(fake_logits > -1) * ((dy * 0.0 + 1.0) / fake_logits.size)",
            "with dy = 3",
        ),
        (
            "(fake_logits > -1) * (dy / fake_logits.size)",
            "(fake_logits > 1) * (dy / fake_logits.size)",
            "at a fake logit of",
        ),
    ],
}

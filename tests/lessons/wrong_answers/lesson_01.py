WRONG_ANSWERS = {
    "warm-up": [
        ("deviation, mean", "mean, deviation", "Which of the two moves all numbers alike?"),
        ("deviation, mean", "deviation**2, mean", "Which of the two stretches, and how much?"),
        ("deviation, mean", "1 / deviation, mean", "Which of the two stretches, and how much?"),
        ("deviation, mean", "deviation, -mean", "the fakes' mean is -4"),
        ("deviation, mean", "deviation, mean / deviation", "Which of the two moves all numbers alike?"),
        ("deviation, mean", "deviation", "return two numbers, a and b, not 1.25"),
    ],
    "exercise": [
        ("softplus(-real", "softplus(real", "right and sure (20 on real ones"),
        ("F.mean(F.softplus(fake", "F.sum(F.softplus(fake", "undecided (all logits 0) it should cost 2 ln 2"),
        (
            "F.softplus(fake_logits)",
            "F.maximum(F.log(1.0 + F.exp(F.minimum(fake_logits, 500.0))), fake_logits.detach())",
            "yours are -0.5 and 0:",
        ),
        (
            "F.softplus(fake_logits)",
            "F.minimum(F.log(1.0 + F.exp(fake_logits)), F.abs(fake_logits) + F.exp(-F.abs(fake_logits)))",
            "yours are -0.5 and nan:",
        ),
        ("return F.mean(", "return (", "return a single number"),
        (" + F.mean(F.softplus(fake_logits))", "", "undecided (all logits 0)"),
    ],
    "stretch": [
        (" + (1.0 - target) * F.softplus(real_logits)", "", "does D pay for both answers"),
        (
            "target * F.softplus(-real_logits) + (1.0 - target)",
            "(1.0 - target) * F.softplus(-real_logits) + target",
            "with target 1 it should be the loss of above",
        ),
        (
            "+ F.mean(F.softplus(fake_logits))",
            "+ F.mean(target * F.softplus(fake_logits) + (1.0 - target) * F.softplus(-fake_logits))",
            "fakes stay fakes, and means are means",
        ),
        ("F.mean(real)", "F.sum(real)", "with target 1 it should be the loss of above"),
        ("F.mean(real)", "real", "return a single number, a Tensor: is a mean missing?"),
        (
            "target * F.softplus(-real_logits)",
            "target**2 * F.softplus(-real_logits)",
            "fakes stay fakes, and means are means",
        ),
        (
            "(1.0 - target) * F.softplus(real_logits)",
            "(target - 1.0) * F.log(1.0 - F.sigmoid(real_logits))",
            "at logits of 1000 (real)",
        ),
    ],
}

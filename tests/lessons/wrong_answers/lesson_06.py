WRONG_ANSWERS = {
    "warm-up": [
        ("np.log(p / (1 - p))", "np.log((1 - p) / p)", "the sign: an answer above ½ has a logit above 0"),
        ("np.log(p / (1 - p))", "np.log(p)", "of that p yours makes l = -3.049"),
        ("np.log(p / (1 - p))", "p / (1 - p)", "of that p yours makes"),
        ("np.log(p / (1 - p))", "1 / (1 + np.exp(-p))", "of that p yours makes"),
        ("np.log(p / (1 - p))", "np.log(p) / np.log(1 - p)", "of that p yours makes"),
        ("np.log(p / (1 - p))", "np.log(p / (1 - p)).mean()", "a logit for each p"),
    ],
    "exercise": [
        ("(dy / logits.size)", "dy", "N"),
        ("F.sigmoid(logits) - target", "target - F.sigmoid(logits)", "opposite sign"),
        (", None  #", ", dy * 0.0 * target  #", "return None for the target"),
        (", None  #", ", -logits * (dy / logits.size)  #", "return None for the target"),
        ("losses.mean()", "losses.sum()", "the loss is"),
        ("losses.mean()", "losses", "the mean over all entries, but has shape"),
        (
            "np.log1p(np.exp(-np.abs(logits)))",
            "np.log(1 + np.exp(logits)) - np.maximum(logits, 0)",
            "take the exponential of −|l| only",
        ),
    ],
    "stretch": [
        ("weight * target * (sigma - 1) + (1 - target) * sigma", "sigma - target", "with w = 3"),
        ("weight * target * (sigma - 1) + (1 - target) * sigma", "weight * (sigma - target)", "with w = 3"),
        ("weight * target * (sigma - 1) + (1 - target) * sigma", "sigma - weight * target", "with w = 3"),
        ("weight * target * (sigma - 1) + (1 - target) * sigma", "weight * target * (sigma - 1) + sigma", "with w = 1"),
        (
            "weight * target * (sigma - 1) + (1 - target) * sigma",
            "weight * target * (1 - sigma) + (1 - target) * sigma",
            "with w = 1",
        ),
        ("(1 - target) * sigma", "(1 - target) * sigma.mean()", "with w = 1"),
    ],
}

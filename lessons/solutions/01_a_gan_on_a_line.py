"""Lesson 1, solved."""


def discriminator_loss(real_logits, fake_logits):
    """−ln σ(l) = softplus(−l), and −ln(1 − σ(l)) = softplus(l)."""
    return F.mean(F.softplus(-real_logits)) + F.mean(F.softplus(fake_logits))  # noqa: F821 (the lesson's own names)


def generator_weights(mean, deviation):
    """a stretches z, b moves it."""
    return deviation, mean


def smoothed_loss(real_logits, fake_logits, target):
    """−target ln σ(l) − (1 − target) ln(1 − σ(l)) for real ones."""
    real = target * F.softplus(-real_logits) + (1.0 - target) * F.softplus(real_logits)  # noqa: F821
    return F.mean(real) + F.mean(F.softplus(fake_logits))  # noqa: F821

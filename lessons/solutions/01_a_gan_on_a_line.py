"""Lesson 1, solved."""


def discriminator_loss(real_logits, fake_logits):
    """−ln σ(l) = softplus(−l), and −ln(1 − σ(l)) = softplus(l)."""
    return F.mean(F.softplus(-real_logits)) + F.mean(F.softplus(fake_logits))  # noqa: F821 (the lesson's own names)

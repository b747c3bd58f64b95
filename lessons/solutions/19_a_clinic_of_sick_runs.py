"""Lesson 19, solved."""


def has_won(stats):
    """The second half alone."""
    half = len(stats["D_x"]) // 2
    return bool(stats["D_x"][half:].mean() > 0.9 and stats["D_G_z"][half:].mean() < 0.1)


def second_half(stats):
    """D's mean answers to reals and to fakes in the second half."""
    half = len(stats["D_x"]) // 2
    return stats["D_x"][half:].mean(), stats["D_G_z"][half:].mean()


def certain_fault(stats):
    """The fault that the log alone is certain of, or None."""
    D_x, D_G_z = second_half(stats)
    if stats["loss_D"][0] > 3:
        return "start too large"
    if not stats["grad_G"].any():
        return "gradient detached"
    if stats["loss_D"].max() > 4:
        return "rates too high"
    if D_x < 0.2 and D_G_z > 0.8:
        return "labels swapped"
    return None


def diagnose(stats, samples, real):
    """What is certain comes first: the data, the first step, a gradient of 0. What faults share comes last."""
    if abs(real).max() > 1.1:
        return "data not scaled"
    if fault := certain_fault(stats):
        return fault
    D_x, D_G_z = second_half(stats)
    if D_x > 0.85 and D_G_z < 0.15:
        return "D has won"
    if samples.std() < 0.3 * real.std():
        return "D does not learn" if stats["loss_D"].min() > 1.1 else "samples alike"
    return "healthy"


def diagnose_log(stats):
    """The border's gradient stands for the data's reach, D's smallest loss for the spread."""
    if fault := certain_fault(stats):
        return fault
    D_x, D_G_z = second_half(stats)
    if D_x > 0.85 and D_G_z < 0.15:
        left = stats["border_norm"][len(stats["D_x"]) // 2 :].mean() / stats["border_norm"].max()
        return "D has won" if left < 0.75 else "data not scaled"
    if D_G_z > D_x + 0.02:
        return "D does not learn"
    if stats["loss_D"].min() < 1:
        return "samples alike"
    return "healthy"

"""minigan's conventions of stride and padding, worked out once more, for the definitions that it is tested against."""

from minigan.testing.random_inputs import padding_per_side


def pair(value):
    return (value, value) if isinstance(value, int) else value


def padding_of(padding, size, kernel, stride):
    """A convolution's padding as ((top, bottom), (left, right)). "same": ⌈H/S⌉ outputs, the smaller half before."""
    if padding != "same":
        return padding_per_side(padding)
    totals = [max((-(-h // s) - 1) * s + k - h, 0) for h, k, s in zip(size, kernel, pair(stride), strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def crop_of(padding, kernel, stride):
    """What a transposed convolution crops, the same way. "same": to H·S; where that is more, it is negative."""
    if padding != "same":
        return padding_per_side(padding)
    before = [max(k - s, 0) // 2 for k, s in zip(kernel, pair(stride), strict=True)]
    return tuple((b, k - s - b) for b, k, s in zip(before, kernel, pair(stride), strict=True))

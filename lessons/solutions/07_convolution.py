"""Lesson 7, solved."""


def conv_weight_grad(x, dy, kernel, stride):
    """For each tap: dy times the pixels it was laid on, summed over images and places."""
    (SH, SW), (OH, OW) = stride, dy.shape[2:]
    dw = np.zeros((dy.shape[1], x.shape[1], *kernel))  # noqa: F821 (the lesson's own names)
    for kh in range(kernel[0]):
        for kw in range(kernel[1]):
            pixels = x[:, :, kh : kh + OH * SH : SH, kw : kw + OW * SW : SW]
            dw[:, :, kh, kw] = np.einsum("noij,ncij->oc", dy, pixels)  # noqa: F821
    return dw


def rows_read(i, K, S, P):
    """K rows, S further for each output row, begun P above the image."""
    return range(i * S - P, i * S - P + K)


def dilated_conv2d(x, weight, d):
    """For each tap the pixels it lies on, d apart, times its weights."""
    O, _, KH, KW = weight.shape  # noqa: E741
    OH, OW = x.shape[2] - d * (KH - 1), x.shape[3] - d * (KW - 1)
    y = np.zeros((len(x), O, OH, OW))  # noqa: F821
    for kh in range(KH):
        for kw in range(KW):
            pixels = x[:, :, d * kh : d * kh + OH, d * kw : d * kw + OW]
            y += np.einsum("ncij,oc->noij", pixels, weight[:, :, kh, kw])  # noqa: F821
    return y

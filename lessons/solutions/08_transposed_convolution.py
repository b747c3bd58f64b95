"""Lesson 8, solved."""


def conv_transpose2d(x, weight, stride):
    """Each pixel stamps the kernel, times its value; overlapping stamps add up."""
    (N, _, H, W), (_, O, KH, KW), (SH, SW) = x.shape, weight.shape, stride  # noqa: E741
    y = np.zeros((N, O, (H - 1) * SH + KH, (W - 1) * SW + KW))  # noqa: F821 (the lesson's own names)
    for i in range(H):
        for j in range(W):
            stamp = np.einsum("ni,iohw->nohw", x[:, :, i, j], weight)  # noqa: F821
            y[:, :, i * SH : i * SH + KH, j * SW : j * SW + KW] += stamp
    return y


def stamped(h, K, S):
    """K pixels, S further for each pixel of the input."""
    return range(h * S, h * S + K)


def by_convolution(x, weight, stride):
    """Zeros between the pixels and around them, and the kernel turned by half a turn, its channels exchanged."""
    (N, C, H, W), (SH, SW), (KH, KW) = x.shape, stride, weight.shape[2:]
    spread = np.zeros((N, C, (H - 1) * SH + 1, (W - 1) * SW + 1))  # noqa: F821
    spread[:, :, ::SH, ::SW] = x
    around = np.pad(spread, ((0, 0), (0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1)))  # noqa: F821
    return F.conv2d(around, weight[:, :, ::-1, ::-1].swapaxes(0, 1).copy()).numpy()  # noqa: F821

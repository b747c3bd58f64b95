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

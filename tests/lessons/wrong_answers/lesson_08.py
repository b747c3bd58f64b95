WRONG_ANSWERS = {
    "warm-up": [
        ("h * S, h * S + K", "h, h + K", "the stamp of pixel 2 begins at pixel 4, by yours at 2"),
        ("h * S, h * S + K", "h * K, h * K + K", "begins at pixel 2, by yours at 6"),
        ("h * S, h * S + K", "h * S, h * S + K - 1", "a kernel of 3 stamps 3 pixels, yours are 2"),
        ("h * S, h * S + K", "h * S, (h + 1) * S", "a kernel of 3 stamps 3 pixels, yours are 1"),
        ("range(h * S, h * S + K)", "[*range(h * S, h * S + K)]", "return a range, not list"),
        ("h * S, h * S + K", "h * S + 1, h * S + K + 1", "begins at pixel 0, by yours at 1"),
    ],
    "exercise": [
        ("+= stamp", "= stamp", "do overlapping stamps add up"),
        ("iohw->nohw", "oihw->nohw", "weight"),
        ("i * SH", "i * SW", "do overlapping stamps add up"),
        (
            'np.einsum("ni,iohw->nohw", x[:, :, i, j], weight)',
            'np.einsum("ni,iohw->nohw", x[:, :, i, j], weight[:, :, ::-1, ::-1])',
            "the stamp is weight turned by half a turn",
        ),
        (
            "(H - 1) * SH + KH, (W - 1) * SW + KW",
            "(H - 1) * SH + KH + 1, (W - 1) * SW + KW",
            "the output must have shape",
        ),
        ("    return y", "    return mg.Tensor(y)", "must return an array, but returned Tensor"),
        ("    return y", "    x[:] = 0\n    return y", "x and weight must stay as they were"),
    ],
    "stretch": [
        ("weight[:, :, ::-1, ::-1].swapaxes", "weight.swapaxes", "which tap meets a pixel first"),
        (".swapaxes(0, 1)", "", "which of the kernel's axes does conv2d sum over"),
        ("(KH - 1, KH - 1), (KW - 1, KW - 1)", "(KH, KH), (KW, KW)", "as many as a window may reach over it"),
        ("(H - 1) * SH + 1, (W - 1) * SW + 1", "H * SH, W * SW", "so many zeros between the pixels"),
        (".copy()).numpy()", ".copy())", "return an array (.numpy()), not Tensor"),
        ("spread[:, :, ::SH, ::SW] = x", "spread[:, :, :H, :W] = x", "the shape is right, the numbers are not"),
    ],
}

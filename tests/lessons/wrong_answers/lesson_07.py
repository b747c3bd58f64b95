WRONG_ANSWERS = {
    "warm-up": [
        ("i * S - P, i * S - P + K", "i * S, i * S + K", "output row 0 reads the rows -1 to 1, by yours 0 to 2"),
        ("i * S - P, i * S - P + K", "i * S + P, i * S + P + K", "by yours 1 to 3"),
        ("i * S - P, i * S - P + K", "i - P, i - P + K", "output row 2 reads the rows 4 to 6, by yours 2 to 4"),
        ("i * S - P, i * S - P + K", "i * S - P, i * S - P + K - 1", "a kernel of 3 rows reads 3 rows, yours are 2"),
        ("range(i * S - P, i * S - P + K)", "list(range(i * S - P, i * S - P + K))", "return a range, not list"),
        ("i * S - P, i * S - P + K", "(i - P) * S, (i - P) * S + K", "with K = 5, S = 2, P = 2"),
    ],
    "exercise": [
        ("[:, :, kh, kw]", "[:, :, -1 - kh, -1 - kw]", "backwards along axes"),
        ("kw + OW * SW : SW", "kw + OW : 1", "for x of shape"),
        (
            'np.einsum("noij,ncij->oc", dy, pixels)',
            'np.einsum("noij,ncij->oc", dy, pixels) / len(x)',
            "times too small",
        ),
        (
            "np.zeros((dy.shape[1], x.shape[1], *kernel))",
            "np.zeros((dy.shape[1], x.shape[1], kernel[0], kernel[1] + 1))",
            "dw must have the kernel's shape",
        ),
        ("    return dw", "    return mg.Tensor(dw)", "must return an array, but returned Tensor"),
        ("(SH, SW), (OH, OW) = stride, dy.shape[2:]", "(SW, SH), (OH, OW) = stride, dy.shape[2:]", "stride"),
        ("    return dw", "    x[:] = 0\n    return dw", "x and dy must stay as they were"),
    ],
    "stretch": [
        ("d * kh : d * kh + OH, d * kw : d * kw + OW", "kh : kh + OH, kw : kw + OW", "d = 2, y[0, 0, 0, 0] should be"),
        (
            "x.shape[2] - d * (KH - 1), x.shape[3] - d * (KW - 1)",
            "x.shape[2] - KH + 1, x.shape[3] - KW + 1",
            "your code fails: ValueError",
        ),
        ("weight[:, :, kh, kw]", "weight[:, :, -1 - kh, -1 - kw]", "the kernel is turned by half a turn"),
        ("y += ", "y = ", "y[0, 0, 0, 0] should be"),
        ("d * kw : d * kw + OW", "kw : kw + OW", "d = 2, y[0, 0, 0, 0] should be"),
        ("    OH, OW = ", "    d = d + 1\n    OH, OW = ", "the output must have shape"),
        ("    return y", "    return y.sum()", "return an array, not float64"),
    ],
}

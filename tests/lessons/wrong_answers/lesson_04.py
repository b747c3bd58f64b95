WRONG_ANSWERS = {
    "warm-up": [
        ("x @ weight.T + bias", "x @ weight.T", "the product is right; the bias is missing"),
        ("x @ weight.T + bias", "x @ weight + bias", "your code fails: ValueError"),
        ("x @ weight.T + bias", "(weight @ x.T).T - bias", "is W turned as the formula says"),
        ("x @ weight.T + bias", "weight @ x.T + bias[:, None]", "y[0, 1] should be"),
        ("x @ weight.T + bias", "x @ weight.T + bias.mean()", "and each output's own bias added?"),
        ("x @ weight.T + bias", "(x @ weight.T + bias).sum(axis=0)", "y must have the shape (N, O), here (2, 2)"),
        ("x @ weight.T + bias", "None", "return an array, not NoneType"),
    ],
    "exercise": [
        ("F.sum(dy, axis=0)", "F.mean(dy, axis=0)", "5 times too small"),
        ("dy.T @ x", "(dy.T @ x).detach()", "wrong"),
        ("dy @ weight,", "", "returned 2 gradients for 3 inputs"),
        ("dy.T @ x", "x.T @ dy", "is a transpose missing"),
        ("dy @ weight", "-dy @ weight", "opposite sign"),
        ("F.sum(dy, axis=0)", "dy", "must be summed over the broadcast axes"),
    ],
    "stretch": [
        (
            "np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)",
            "(x**2).sum(axis=1) * (dy**2).sum(axis=1)",
            "these are the squares: take the root",
        ),
        (
            "np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)",
            "np.linalg.norm(x, axis=1) + np.linalg.norm(dy, axis=1)",
            "sample 0's share is",
        ),
        (
            "np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)",
            "np.linalg.norm(dy.T @ x)",
            "one number for each of the 5 samples",
        ),
        (
            "np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)",
            "np.linalg.norm(np.einsum('no,nc->noc', dy, x), axis=(1, 2))",
            "all N·O·C numbers?",
        ),
        (
            "np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)",
            "x.sum(axis=1) * dy.sum(axis=1)",
            "sample 0's share is",
        ),
        (
            "np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)",
            "np.linalg.norm(x, axis=0)[: len(x)]",
            "one number for each",
        ),
    ],
}

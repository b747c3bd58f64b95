WRONG_ANSWERS = {
    "warm-up": [
        ("(features * table[y]).sum(axis=1)", "features @ table[y].T", "one logit for each of 4 samples"),
        ("features @ psi + ", "", "with a table of zeros it is ψ alone"),
        ("(features * table[y]).sum(axis=1)", "table[y].sum(axis=1)", "of label 8, has the logit"),
        ("(features * table[y]).sum(axis=1)", "(features * table[y]).mean(axis=1)", "a sum over 3 products"),
        ("(features * table[y]).sum(axis=1)", "(features * table[: len(y)]).sum(axis=1)", "its features with row"),
        ("(features * table[y]).sum(axis=1)", "(features * table[y]).sum(axis=0)", "operands could not be broadcast"),
        ("features @ psi + ", "features @ psi - ", "has the logit"),
        ("features @ psi + ", "features @ psi + psi.sum() + ", "with a table of zeros it is ψ alone"),
    ],
    "exercise": [
        ("return table[self.y]", "return table[: len(self.y)]", "these are not their rows"),
        ("return table[self.y]", "return table[:, self.y % 3]", "5 labels have 5 rows of 3"),
        ("one_hot[self.y, np.arange(len(self.y))] = 1.0", "one_hot[self.y, 0] = 1.0", "backward: row 0 was taken by"),
        (
            "one_hot[self.y, np.arange(len(self.y))] = 1.0",
            "one_hot[[*dict.fromkeys(self.y)], [len(self.y) - 1 - self.y[::-1].tolist().index(k) "
            "for k in dict.fromkeys(self.y)]] = 1.0",
            "got the gradient of one alone: they add up",
        ),
        (
            "return F.matmul(one_hot.astype(dy.dtype), dy)",
            "return F.matmul(one_hot / np.maximum(one_hot.sum(axis=1, keepdims=True), 1), dy)",
            "is the sum of theirs, no mean",
        ),
        (
            "return F.matmul(one_hot.astype(dy.dtype), dy)",
            "return F.matmul(one_hot + 0.1, dy)",
            "backward: nobody took row 1, so its gradient is 0",
        ),
        ("return F.matmul(one_hot.astype(dy.dtype), dy)", "return -F.matmul(one_hot, dy)", "so its gradient is"),
        ("return F.matmul(one_hot.astype(dy.dtype), dy)", "return mg.Tensor(one_hot @ dy.numpy())", ""),
        ("return F.matmul(one_hot.astype(dy.dtype), dy)", "return dy", "so its gradient is"),
    ],
    "stretch": [
        ("np.repeat(z, classes, axis=0)", "np.tile(z, (classes, 1))", "np.repeat says a a b b, np.tile a b a b"),
        (
            "np.tile(np.arange(classes), n)",
            "np.repeat(np.arange(classes), n)",
            "row 0, column 1 should be noise 0 with",
        ),
        ("np.tile(np.arange(classes), n)", "np.arange(classes)", "one label for each noise"),
        ("    G.eval()\n", "", "G was in training mode: its batch"),
        ("    G.train(training)\n", "", "G was in training mode before, and must be again"),
        ("G.train(training)", "G.train()", "G was in evaluation mode before, and must be again"),
        ("labels).numpy()", "labels)", "return an array (.numpy())"),
        ("samples.reshape(n, classes, *samples.shape[1:])", "samples", "the shape is (3, 4, 2)"),
        (
            "samples.reshape(n, classes, *samples.shape[1:])",
            "samples.reshape(classes, n, *samples.shape[1:]).swapaxes(0, 1)",
            "row 0, column 1 should be noise 0",
        ),
        (
            "samples = G(mg.Tensor(noises), labels).numpy()",
            "samples = np.concatenate([G(mg.Tensor(noises[i : i + 1]), labels[i : i + 1]).numpy() for i in range(n * "
            "classes)])",
            "G was called 12 times: one call",
        ),
    ],
}

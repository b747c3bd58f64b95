"""Lesson 17, solved."""


def projection_logits(features, psi, table, y):
    """Each sample's features times its own row, summed along the row."""
    return features @ psi + (features * table[y]).sum(axis=1)


class Rows(mg.Function):  # noqa: F821 (the lesson's own names)
    """y = table[labels]        dtable = one_hotᵀ dy"""

    def __init__(self, y):
        self.y = np.asarray(y)  # noqa: F821

    def forward(self, table):
        self.classes = len(table)
        return table[self.y]

    def backward(self, dy):
        one_hot = np.zeros((self.classes, len(self.y)))  # noqa: F821
        one_hot[self.y, np.arange(len(self.y))] = 1.0  # noqa: F821
        return F.matmul(one_hot.astype(dy.dtype), dy)  # noqa: F821


def sheet(G, z, classes):
    """All labels for each noise, in one batch."""
    n, training = len(z), G.training
    noises, labels = np.repeat(z, classes, axis=0), np.tile(np.arange(classes), n)  # noqa: F821
    G.eval()
    with mg.no_grad():  # noqa: F821
        samples = G(mg.Tensor(noises), labels).numpy()  # noqa: F821
    G.train(training)
    return samples.reshape(n, classes, *samples.shape[1:])

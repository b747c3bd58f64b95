"""Lesson 12, solved."""


def scaled(images):
    """127.5 is the middle of 0 to 255."""
    return images.astype("float32") / 127.5 - 1  # the lesson's own names


def dcgan_init(network):
    """Layers with weights around 0, normalisations with γ around 1."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Dense)):  # noqa: F821
            nn.init.normal_(module.weight, 0.0, 0.02)  # noqa: F821
        elif isinstance(module, nn.BatchNorm):  # noqa: F821
            nn.init.normal_(module.weight, 1.0, 0.02)  # noqa: F821
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)  # noqa: F821


def broken_rules(G, D):
    """Five questions."""

    def has(network, *kinds):
        return [module for module in network.modules() if isinstance(module, kinds)]

    rules = {
        "pooling": any(has(network, nn.MaxPool2d, nn.AvgPool2d) for network in (G, D)),  # noqa: F821
        "normalisation": not all(has(network, nn.BatchNorm) for network in (G, D)),  # noqa: F821
        "hidden dense": any(len(has(network, nn.Dense)) > 1 for network in (G, D)),  # noqa: F821
        "G's activations": has(G, nn.LeakyReLU, nn.Sigmoid) or not isinstance([*G.modules()][-1], nn.Tanh),  # noqa: F821
        "D's activations": has(D, nn.ReLU, nn.Tanh, nn.Sigmoid),  # noqa: F821
    }
    return {name for name, broken in rules.items() if broken}

"""What a layer says when it is made, or called, the wrong way: at once, in one sentence, with its name."""

from functools import partial

import numpy as np
import pytest
from devices import assert_array_equal

import minigan as mg
from minigan import functions as F
from minigan import nn


def ones(*shape, dtype="float32"):
    return mg.Tensor(np.ones(shape, dtype))


WHOLE = "must be a whole number of 1 or more, not"

MAKING = [
    *(
        (partial(make, *(wrong if i == j else 8 for j in range(count))), f"{make.__name__}: {name} {WHOLE} {shown}")
        for make, count, names in [
            (nn.Dense, 2, ["in_features", "out_features"]),
            (nn.Conv2d, 3, ["in_channels", "out_channels"]),
            (nn.ConvTranspose2d, 3, ["in_channels", "out_channels"]),
            (nn.BatchNorm, 1, ["num_features"]),
            (nn.BatchNormReLU, 1, ["num_features"]),
            (nn.ConditionalBatchNorm, 2, ["num_features", "num_classes"]),
            (nn.InstanceNorm, 1, ["num_features"]),
            (nn.GroupNorm, 2, ["num_groups", "num_channels"]),
            (nn.LayerNorm, 1, ["shape"]),
            (nn.Embedding, 2, ["num_embeddings", "embedding_dim"]),
            (nn.SelfAttention, 1, ["channels"]),
            (nn.MinibatchStd, 1, ["group_size"]),
        ]
        for i, name in enumerate(names)
        for wrong, shown in [(0, "0"), (-2, "-2"), (2.5, "2.5"), ("8", "'8'")]
    ),
    (lambda: nn.Conv2d(3, 8, None), "Conv2d: kernel_size must be an int or a pair of ints, not None"),
    (lambda: nn.Conv2d(3, 8, 0), "Conv2d: the kernel size must be at least 1, not 0x0"),
    (lambda: nn.Conv2d(3, 8, 3, 0), r"Conv2d: the stride must be at least 1, not \(0, 0\)"),
    (lambda: nn.Conv2d(3, 8, 3, padding="valid"), "Conv2d: padding must be .* or 'same', not 'valid'"),
    (lambda: nn.ConvTranspose2d(3, 8, 3, 2, -1), "ConvTranspose2d: padding must not be negative: -1"),
    (lambda: nn.ConvTranspose2d(3, 8, 3, 2, 1, 2), r"ConvTranspose2d: output_padding \(2, 2\) must be .* the stride"),
    (lambda: nn.BatchNormReLU(3, negative_slope=-1), "BatchNormReLU: negative_slope must be .* 0 or more, not -1"),
    (lambda: nn.AvgPool2d(0), "AvgPool2d: the kernel size must be at least 1, not 0x0"),
    (lambda: nn.AvgPool2d("all"), "AvgPool2d: kernel_size must be an int or a pair of ints, not 'all'"),
    *(
        (partial(layer, 3, eps=-1.0), r"\w+Norm: eps must be a number of 0 or more, not -1.0")
        for layer in (nn.BatchNorm, nn.LayerNorm, nn.InstanceNorm, partial(nn.GroupNorm, 1))
    ),
    (lambda: nn.GroupNorm(4, 6), "GroupNorm: 6 channels cannot be shared by 4 groups"),
    (lambda: nn.MaxPool2d(0), "MaxPool2d: the kernel size must be at least 1, not 0x0"),
    (lambda: nn.MaxPool2d("global"), "MaxPool2d: kernel_size must be an int or a pair of ints, not 'global'"),
    (lambda: nn.MaxPool2d(2, 0), r"MaxPool2d: the stride must be at least 1, not \(0, 0\)"),
    (lambda: nn.Upsample(scale_factor=1.5), "Upsample: scale_factor must be a whole number of 1 or more, not 1.5"),
    (lambda: nn.SpectralNorm(nn.Dense(2, 2), -1.0), "SpectralNorm: eps must be a number of 0 or more, not -1.0"),
    (lambda: nn.EqualizedLR(nn.Dense(2, 2), -1.0), "EqualizedLR: gain must be a number of 0 or more, not -1.0"),
    (lambda: nn.PixelNorm(-1.0), "PixelNorm: eps must be a number of 0 or more, not -1.0"),
    (lambda: nn.BatchNorm(3, momentum=2.0), "BatchNorm: momentum must be a number from 0 to 1, not 2.0"),
    (lambda: nn.LeakyReLU("0.2"), "LeakyReLU: negative_slope must be a number, not '0.2'"),
    (lambda: nn.Dropout(1.0), r"Dropout: p is a probability in \[0, 1\), not 1.0"),
    (lambda: nn.Reshape("4"), "Reshape: the shape must be a whole number or several, not '4'"),
    (lambda: nn.SelfAttention(12), "SelfAttention needs a multiple of 8 channels, not 12"),
    (lambda: nn.SpectralNorm(nn.ReLU()), "SpectralNorm takes a layer with a matrix of weights, .*, not ReLU$"),
    (lambda: nn.SpectralNorm(nn.BatchNorm(2)), r"SpectralNorm takes .* BatchNorm, whose weight has shape \(2,\)"),
    (lambda: nn.Sequential(nn.ReLU(), F.relu), r"Sequential: module 1 must be a Module, such as nn\.ReLU\(\), not "),
    (lambda: nn.Sequential(nn.ReLU), "Sequential: module 0 must be a Module, .* not <class .*ReLU'>"),
    (lambda: nn.Sequential([nn.ReLU()]), "Sequential: module 0 must be a Module, .* not list"),
    (lambda: nn.Parameter([1, 2]), "only floating tensors can require a gradient; this one is int64"),
    (lambda: nn.init.normal_(np.ones(3)), "nn.init.normal_ changes a Tensor in place, and takes no ndarray"),
    (lambda: nn.init.orthogonal_(ones(3)), r"orthogonal_: a weight of shape \(3,\) is no matrix"),
    (lambda: nn.init.xavier_uniform_(ones(3)), r"a weight of shape \(3,\) has no fan-in"),
]  # fmt: skip

CALLING = [
    (nn.Dense(2, 3), ones(4, 5), r"dense: x has shape \(4, 5\), weight \(3, 2\)"),
    (nn.Dense(2, 3), ones(4, 2, dtype="float64"), r"dense: x of shape \(4, 2\) is float64, but weight .* is float32"),
    (nn.Dense(2, 3), None, "dense: x: cannot make a tensor of NoneType"),
    (nn.Conv2d(3, 4, 3), ones(2, 4, 8, 8), r"conv2d: x of shape \(2, 4, 8, 8\) has 4 channels, but weight .* takes 3"),
    (nn.ConvTranspose2d(3, 4, 3), ones(2, 3, 8), r"conv_transpose2d: x must be images .*, but has shape \(2, 3, 8\)"),
    (nn.BatchNorm(3), ones(2, 4), r"batch_norm: gamma has shape \(3,\), but must have \(4,\) for x of shape \(2, 4\)"),
    (nn.BatchNorm(3), ones(2, 3, dtype="float64"), "batch_norm: x .* is float64, but gamma .* is float32"),
    (nn.BatchNorm(3), ones(1, 3), r"batch_norm: x of shape \(1, 3\) has 1 value per channel"),
    (nn.LayerNorm(3), ones(2, 4), r"layer_norm: gamma has shape \(3,\), but must have \(4,\) for x of shape \(2, 4\)"),
    (nn.GroupNorm(2, 6), ones(2, 4), r"group_norm: gamma has shape \(6,\), but must have \(4,\)"),
    (nn.MaxPool2d(2), ones(2, 3), r"max_pool2d: x must be images \(N, C, H, W\), but has shape \(2, 3\)"),
    (nn.InstanceNorm(3), ones(2, 4, 8, 8), r"instance_norm: gamma has shape \(3,\), but must have \(4,\)"),
    (nn.AvgPool2d("global"), ones(2, 3), r"AvgPool2d: x must be images \(N, C, H, W\), but has shape \(2, 3\)"),
    (nn.Flatten(), ones(), r"Flatten: x must be \(N, …\), but has shape \(\)"),
    (nn.Reshape(4), ones(), r"Reshape: x must be \(N, …\), but has shape \(\)"),
    (nn.Reshape(4), ones(2, 3), r"reshape: x of shape \(2, 3\) has 6 elements, but shape \(2, 4\) takes 8"),
    (nn.SelfAttention(8), ones(2, 8), r"SelfAttention: x must be images \(N, C, H, W\), but has shape \(2, 8\)"),
    (nn.SelfAttention(8), ones(1, 8, 3, 4), "SelfAttention needs images of even height and width, not 3×4"),
    (nn.SelfAttention(8), ones(1, 8, 4, 3), "SelfAttention needs images of even height and width, not 4×3"),
    (nn.MinibatchStd(), ones(3), r"MinibatchStd: x must be \(N, C, …\), but has shape \(3,\)"),
    (nn.Embedding(4, 2), np.array([4]), "Embedding: labels are 4 to 4, but rows are 0 to 3"),
    (nn.Embedding(4, 2), np.array([-1]), "Embedding: labels are -1 to -1, but rows are 0 to 3"),
    (nn.Embedding(4, 2), ones(1), "Embedding takes an array of integer labels, the numbers of its rows, not float32"),
    (nn.Embedding(4, 2), [1, 2], "Embedding takes an array of integer labels, .*, not list"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), MAKING)
def test_making(make, message):
    with pytest.raises((ValueError, TypeError), match="^" + message):
        make()


@pytest.mark.parametrize(("layer", "x", "message"), CALLING)
def test_calling(layer, x, message):
    before = {name: array.copy() for name, array in layer.state_dict().items()}
    with pytest.raises((ValueError, TypeError), match="^" + message):
        layer(x)
    for name, array in layer.state_dict().items():
        assert_array_equal(array, before[name])


def test_every_layer_that_takes_options_has_a_row():
    without = {
        "Module", "Parameter", "Identity", "ReLU", "Sigmoid", "Tanh", "Flatten", "ModuleDict", "ModuleList", "frozen",
        "fuse", "holding_u", "init", "with_spectral_norm",
    }  # fmt: skip
    made = {message.replace(":", " ").split()[0] for _, message in MAKING}
    assert set(nn.__all__) - without <= made


@pytest.mark.host_only("nobody looks at labels on a GPU: it would have to be waited for")
def test_labels_of_a_conditional_batch_norm():
    layer = nn.ConditionalBatchNorm(2, 3)
    for labels, message in [
        (np.array([0, 3]), "ConditionalBatchNorm: labels are 0 to 3, but rows are 0 to 2"),
        (np.array([0.0, 1.0]), "ConditionalBatchNorm takes an array of integer labels, .*, not float64"),
        (np.array([1]), "ConditionalBatchNorm: 2 samples need as many labels, not 1"),
    ]:
        with pytest.raises((ValueError, TypeError), match="^" + message):
            layer(ones(2, 2), labels)

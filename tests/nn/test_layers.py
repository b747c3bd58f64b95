"""Each layer's values, from numbers written out, and what it does with bad input."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from devices import assert_array_equal, share_memory

import minigan as mg
from minigan import nn
from minigan.backend import ProcessGroup
from minigan.functions import avg_pool2d, cross_entropy, max_pool2d
from minigan.functions import sum as sum_
from minigan.kernels.layout import taps_first
from minigan.models.mlp import Discriminator as MLPDiscriminator
from minigan.testing import gradcheck


def images(*shape: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def set_(parameter: nn.Parameter, value: object) -> None:
    parameter.data = np.asarray(value, parameter.dtype)


def test_dense():
    layer = nn.Dense(2, 3)
    set_(layer.weight, [[1, 2], [3, 4], [5, 6]])
    set_(layer.bias, [10, 20, 30])
    np.testing.assert_array_equal(layer(mg.Tensor([[1.0, -1.0]])).numpy(), [[9, 19, 29]])
    assert nn.Dense(2, 3, bias=False).bias is None


def conv(x: np.ndarray, w: np.ndarray, stride: int, pad: int) -> np.ndarray:
    """A convolution, as its definition reads."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    k = w.shape[2]
    size = (x.shape[2] - k) // stride + 1
    y = np.zeros((len(x), len(w), size, size))
    for i in range(size):
        for j in range(size):
            window = x[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            y[:, :, i, j] = np.einsum("nchw,ochw->no", window, w)
    return y


def test_conv2d():
    layer = nn.Conv2d(2, 3, 4, stride=2, padding=1).to(dtype="float64")
    assert layer.weight.shape == (3, 2, 4, 4)
    x = images(2, 2, 6, 6)
    wanted = conv(x, layer.weight.numpy(), 2, 1) + layer.bias.numpy()[:, None, None]
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), wanted, atol=1e-12)
    assert nn.Conv2d(1, 1, (2, 3)).weight.shape == (1, 1, 2, 3)
    assert nn.Conv2d(1, 1, 3, bias=False).bias is None


@pytest.mark.parametrize(("kernel", "stride", "padding", "extra"), [(4, 2, 1, 0), (5, 2, 2, 1), (3, 1, 0, 0)])
def test_conv_transpose2d_is_the_adjoint_of_its_convolution(kernel, stride, padding, extra):
    layer = nn.ConvTranspose2d(3, 2, kernel, stride, padding, extra).to(dtype="float64")
    assert layer.weight.shape == (3, 2, kernel, kernel)
    x = images(2, 3, 4, 4)
    y = layer(mg.Tensor(x)).numpy() - layer.bias.numpy()[:, None, None]
    assert y.shape[2] == (4 - 1) * stride - 2 * padding + kernel + extra
    probe = images(*y.shape, seed=1)
    back = conv(probe, layer.weight.numpy(), stride, padding)
    assert (probe * y).sum() == pytest.approx((back * x).sum(), rel=1e-12)


def test_same_padding_is_that_of_tensorflow():
    """Kernel 5, stride 2: one row more after than before; a transposed convolution doubles the image."""
    conv_layer = nn.Conv2d(1, 1, 5, stride=2, padding="same", bias=False).to(dtype="float64")
    x = images(1, 1, 8, 8)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2)))
    np.testing.assert_allclose(
        conv_layer(mg.Tensor(x)).numpy(), conv(padded, conv_layer.weight.numpy(), 2, 0), atol=1e-12
    )
    layer = nn.ConvTranspose2d(1, 1, 5, 2, "same", bias=False).to(dtype="float64")
    point = np.zeros((1, 1, 4, 4))
    point[0, 0, 1, 1] = 1
    image = layer(mg.Tensor(point)).numpy()
    assert image.shape == (1, 1, 8, 8)
    np.testing.assert_allclose(image[0, 0, 1:6, 1:6], layer.weight.numpy()[0, 0], atol=1e-15)
    assert np.count_nonzero(image) == 25


# --- BatchNorm -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2, 5)])
def test_batch_norm_in_training(shape):
    layer = nn.BatchNorm(3).to(dtype="float64")
    set_(layer.weight, [1, 2, 3])
    set_(layer.bias, [4, 5, 6])
    x = 2 * images(*shape) + 1
    axes, along = (0, *range(2, len(shape))), (1, 3) + (1,) * (len(shape) - 2)
    mean, var = x.mean(axes), x.var(axes)
    wanted = (x - mean.reshape(along)) / np.sqrt(var.reshape(along) + 1e-5)
    wanted = wanted * layer.weight.numpy().reshape(along) + layer.bias.numpy().reshape(along)
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize(("momentum", "unbiased"), [(0.1, True), (0.01, False)])
def test_running_statistics_in_both_conventions(momentum, unbiased):
    layer = nn.BatchNorm(2, eps=1e-3, momentum=momentum, unbiased=unbiased).to(dtype="float64")
    mean, var = np.zeros(2), np.ones(2)
    for step in range(3):
        x = 3 * images(4, 2, 3, 3, seed=step) + 2
        layer(mg.Tensor(x))
        mean = (1 - momentum) * mean + momentum * x.mean((0, 2, 3))
        var = (1 - momentum) * var + momentum * x.var((0, 2, 3), ddof=int(unbiased))
        assert layer.num_batches_tracked.item() == step + 1
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-12)

    layer.eval()
    before = {name: array.copy() for name, array in layer.state_dict().items()}
    x = images(1, 2, 3, 3)
    wanted = (x - mean[:, None, None]) / np.sqrt(var + 1e-3)[:, None, None]
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), wanted, rtol=1e-10)
    for name, array in layer.state_dict().items():
        assert_array_equal(array, before[name])


def test_a_momentum_of_zero_keeps_the_running_statistics():
    layer = nn.BatchNorm(3, momentum=0)
    layer(mg.Tensor(images(5, 3, dtype="float32")))
    np.testing.assert_array_equal(layer.running_mean.numpy(), np.zeros(3))
    np.testing.assert_array_equal(layer.running_var.numpy(), np.ones(3))


def test_real_and_fake_have_statistics_of_their_own():
    """Two calls, two graphs: the second call does not change the first one's gradient."""
    layer = nn.BatchNorm(2).to(dtype="float64")
    probe = images(4, 2, seed=9)

    def gradient(second_call: bool) -> np.ndarray:
        x = mg.Tensor(images(4, 2), requires_grad=True)
        y = sum_(layer(x) * mg.Tensor(probe))
        if second_call:
            layer(mg.Tensor(images(4, 2, seed=1) + 100))
        y.backward()
        return x.grad.numpy()

    np.testing.assert_array_equal(gradient(False), gradient(True))


def test_batch_norm_in_float32_stays_so():
    layer = nn.BatchNorm(2)
    assert layer(mg.Tensor(images(4, 2, dtype="float32"))).dtype == np.float32
    assert {a.dtype.name for a in layer.state_dict().values()} == {"float32", "int64"}
    assert layer.eval()(mg.Tensor(images(4, 2, dtype="float32"))).dtype == np.float32


def results(layers: nn.Sequential, x: np.ndarray) -> list[bytes]:
    """y, all gradients, and the state after it, to the bit."""
    leaf = mg.Tensor(x, requires_grad=True)
    y = layers(leaf)
    y.backward(images(*y.shape, seed=1, dtype=x.dtype.name))
    tensors = [y, leaf.grad, *(p.grad for p in layers.parameters()), *(b for _, b in layers.named_buffers())]
    return [t.numpy().tobytes() for t in tensors]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, 1.5, -0.5])
def test_fused_layers_give_the_same_to_the_bit(slope, training, dtype):
    def make() -> nn.Sequential:
        activation = nn.ReLU() if slope == 0 else nn.LeakyReLU(slope)
        layers = nn.Sequential(nn.BatchNorm(3), activation, nn.BatchNorm(3), nn.BatchNorm(3), nn.LeakyReLU(0.2))
        return layers.to(dtype=dtype).train(training)

    native = images(6, 4, 5, 3, dtype=dtype).transpose(2, 3, 0, 1)
    for x in (images(7, 3, dtype=dtype), images(5, 3, 6, 4, dtype=dtype), native):
        assert results(nn.fuse(make()), x) == results(make(), x)


class Doubled(nn.LeakyReLU):
    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return super().forward(x) * 2


class Centred(nn.BatchNorm):
    pass


class Within(nn.Module):
    """A module with a Sequential in it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)


FUSED = ["BatchNormReLU", "Identity"]


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [
        ([nn.BatchNorm(3), nn.ReLU()], FUSED),
        ([nn.BatchNorm(3), nn.LeakyReLU(0.2), nn.BatchNorm(3), nn.ReLU()], FUSED * 2),
        ([nn.ReLU(), nn.BatchNorm(3)], ["ReLU", "BatchNorm"]),
        ([nn.BatchNorm(3), nn.Dropout(), nn.ReLU()], ["BatchNorm", "Dropout", "ReLU"]),
        ([nn.BatchNorm(3), nn.LeakyReLU(-0.1)], ["BatchNorm", "LeakyReLU"]),
        ([nn.BatchNorm(3), Doubled()], ["BatchNorm", "Doubled"]),
        ([Centred(3), nn.ReLU()], ["Centred", "ReLU"]),
        ([nn.InstanceNorm(3), nn.ReLU()], ["InstanceNorm", "ReLU"]),
    ],
)
def test_what_is_fused(layers, kinds):
    within = Within(*layers)
    assert nn.fuse(within) is within
    assert [type(layer).__name__ for layer in within.main] == kinds


def test_fused_layers_keep_what_they_had():
    layers = nn.Sequential(nn.Dense(2, 3), nn.BatchNorm(3, eps=0.1, momentum=0.5, unbiased=False), nn.LeakyReLU(0.3))
    layers.named("G").eval()
    before, group = dict((*layers.named_parameters(), *layers.named_buffers())), ProcessGroup()
    layers[1].process_group = group
    fused = nn.fuse(layers)[1]
    after = dict((*layers.named_parameters(), *layers.named_buffers()))
    assert list(after) == list(before) and all(after[name] is before[name] for name in before)
    assert (fused.eps, fused.momentum, fused.unbiased, fused.negative_slope) == (0.1, 0.5, False, 0.3)
    assert fused.process_group is group and not fused.training
    assert repr(fused) == "BatchNormReLU(3, eps=0.1, momentum=0.5, negative_slope=0.3)"


def test_a_fused_layer_is_one_function_whether_somebody_observes_or_not():
    class Seen:
        def __init__(self) -> None:
            self.names: list[str] = []

        def after_forward(self, node, inputs, outputs) -> None:
            self.names.append(f"{node.called_in}: {node.name}")

        def after_backward(self, node, cotangents, gradients) -> None: ...

    layers = nn.fuse(nn.Sequential(nn.BatchNorm(3), nn.LeakyReLU(0.2)))
    x, seen = mg.Tensor(images(7, 3, dtype="float32")), Seen()
    assert layers(x).creator.name == "BatchNorm"
    with mg.observe(seen):
        assert layers(x).creator.name == "BatchNorm"
    assert [name for name in seen.names if not name.endswith("Reshape")] == ["Sequential.0 (BatchNormReLU): BatchNorm"]


# --- the other norms -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "axes", "along"),
    [(lambda: nn.LayerNorm((3, 2, 2)), (1, 2, 3), (3, 2, 2)), (lambda: nn.InstanceNorm(3), (2, 3), (3, 1, 1))],
    ids=["layer", "instance"],
)
def test_layer_and_instance_norm(make, axes, along):
    layer = make().to(dtype="float64")
    set_(layer.weight, images(*layer.weight.shape, seed=1))
    set_(layer.bias, images(*layer.bias.shape, seed=2))
    x = 3 * images(4, 3, 2, 2) + 1
    gamma, beta = (p.numpy().reshape(along) for p in layer.parameters())
    wanted = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5) * gamma + beta
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), wanted, atol=1e-12)
    assert nn.LayerNorm(5).weight.shape == (5,)


def test_group_norm():
    layer = nn.GroupNorm(2, 6).to(dtype="float64")
    set_(layer.weight, images(6, seed=1)), set_(layer.bias, images(6, seed=2))
    x = 3 * images(4, 6, 2, 2) + 1
    grouped = x.reshape(4, 2, 12)
    wanted = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) + 1e-5)
    gamma, beta = (p.numpy().reshape(6, 1, 1) for p in layer.parameters())
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), wanted.reshape(x.shape) * gamma + beta, atol=1e-12)
    assert repr(layer) == "GroupNorm(2, 6, eps=1e-05)"


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm(1, eps=0.5), nn.LayerNorm((1, 1, 2), eps=0.5), nn.InstanceNorm(1, eps=0.5),
        nn.GroupNorm(1, 1, eps=0.5),
    ],
    ids=repr,
)  # fmt: skip
def test_every_norm_uses_its_epsilon(layer):
    y = layer(mg.Tensor(np.array([[[[1.0, 2.0]]]], np.float32))).numpy()  # variance 1/4
    np.testing.assert_allclose(y.ravel(), np.array([-0.5, 0.5]) / np.sqrt(0.75), rtol=1e-6)


# --- dropout ---------------------------------------------------------------------------------------


def test_dropout_scales_what_it_keeps():
    mg.manual_seed(0)
    y = nn.Dropout(0.3)(mg.Tensor(np.ones((200, 200), np.float32))).numpy()
    assert y.dtype == np.float32
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(1.0, abs=0.01)


def test_dropout_in_evaluation_does_nothing():
    layer, x = nn.Dropout(0.3).eval(), mg.Tensor(images(3, 3))
    np.testing.assert_array_equal(layer(x).numpy(), x.numpy())


def test_dropout_draws_from_the_seed_and_anew_each_call():
    layer, x = nn.Dropout(0.5), mg.Tensor(np.ones(1000, np.float32))
    mg.manual_seed(1)
    a, b = layer(x).numpy(), layer(x).numpy()
    mg.manual_seed(1)
    np.testing.assert_array_equal(layer(x).numpy(), a)
    assert not np.array_equal(a, b)
    own = nn.Dropout(0.5, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(own(x).numpy(), a)


def test_dropout_drops_the_gradient_of_what_it_dropped():
    x = mg.Tensor(np.ones(100, np.float32), requires_grad=True)
    y = nn.Dropout(0.4)(x)
    sum_(y).backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


# --- activations, shapes, pooling, embedding -------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (nn.ReLU(), [0, 0, 2]),
        (nn.LeakyReLU(), [-0.03, 0, 2]),
        (nn.LeakyReLU(0.2), [-0.6, 0, 2]),
        (nn.LeakyReLU(0), [0, 0, 2]),
        (nn.Tanh(), np.tanh([-3, 0, 2])),
        (nn.Sigmoid(), 1 / (1 + np.exp([3.0, 0, -2]))),
    ],
    ids=repr,
)
def test_activations(layer, wanted):
    np.testing.assert_allclose(layer(mg.Tensor(np.array([-3.0, 0, 2]))).numpy(), wanted, rtol=1e-12)


def test_leaky_relu_takes_the_negative_slope_at_zero():
    x = mg.Tensor(np.zeros(1), requires_grad=True)
    sum_(nn.LeakyReLU(0.3)(x)).backward()
    assert x.grad.item() == 0.3


def test_reshape_and_flatten_go_by_channels_first():
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(nn.Flatten()(mg.Tensor(x)).numpy(), np.arange(24.0).reshape(2, 12))
    np.testing.assert_array_equal(nn.Reshape(3, 2, 2)(mg.Tensor(x.reshape(2, 12))).numpy(), x)
    assert repr(nn.Reshape(3, 2, 2)) == "Reshape(3, 2, 2)"
    np.testing.assert_array_equal(nn.Reshape(2, 2, 3)(mg.Tensor(x)).numpy(), x.reshape(2, 2, 2, 3))


def test_flatten_of_a_convolution_is_in_logical_order():
    """Whatever the memory order of a convolution's result."""
    y = nn.Conv2d(2, 3, 3)(mg.Tensor(images(2, 2, 5, 5, dtype="float32")))
    np.testing.assert_array_equal(nn.Flatten()(y).numpy(), np.ascontiguousarray(y.numpy()).reshape(2, -1))


def test_average_pooling():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(nn.AvgPool2d(2)(mg.Tensor(x)).numpy()[0, 0], [[2.5, 4.5], [10.5, 12.5]])
    x = images(2, 3, 4, 4)
    np.testing.assert_allclose(nn.AvgPool2d("global")(mg.Tensor(x)).numpy(), x.mean((2, 3)))


@pytest.mark.parametrize(
    ("layer", "function"), [(nn.AvgPool2d, avg_pool2d), (nn.MaxPool2d, max_pool2d)], ids=["AvgPool2d", "MaxPool2d"]
)
def test_pooling_layers_use_their_stride_and_padding(layer, function):
    x = mg.Tensor(images(2, 3, 5, 8))
    for options in ((), ((1, 2),), ((1, 2), (1, 0)), (3, (0, 1)), (None, (1, 1))):
        wanted = function(x, (2, 3), *options).numpy()
        np.testing.assert_array_equal(layer((2, 3), *options)(x).numpy(), wanted)


def test_maximum_pooling():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    for layer, wanted in (
        (nn.MaxPool2d(2), [[5, 7], [13, 15]]),
        (nn.MaxPool2d(3, 1), [[10, 11], [14, 15]]),
        (nn.MaxPool2d(3, 2, padding=1), [[5, 7], [13, 15]]),
    ):
        np.testing.assert_array_equal(layer(mg.Tensor(x)).numpy()[0, 0], wanted)
    assert repr(nn.MaxPool2d(3, 2)) == "MaxPool2d(3, stride=2, padding=0)"


def test_upsampling_repeats_pixels():
    x = images(2, 3, 2, 2)
    y = nn.Upsample(scale_factor=3)(mg.Tensor(x)).numpy()
    np.testing.assert_allclose(y, x.repeat(3, 2).repeat(3, 3), rtol=1e-15)


def test_pixel_norm_leaves_a_mean_square_of_one():
    x = images(2, 3, 2, 2)
    y = nn.PixelNorm()(mg.Tensor(x)).numpy()
    np.testing.assert_allclose((y**2).mean(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(y / x, np.broadcast_to(y[:, :1] / x[:, :1], x.shape), rtol=1e-12)
    np.testing.assert_allclose(nn.PixelNorm(3.0)(mg.Tensor(x)).numpy(), x / np.sqrt((x**2).mean(1) + 3)[:, None])


def test_embedding_gives_rows_and_adds_up_their_gradients():
    layer = nn.Embedding(4, 2).to(dtype="float64")
    labels = np.array([3, 1, 3])
    y = layer(labels)
    np.testing.assert_array_equal(y.numpy(), layer.weight.numpy()[labels])
    np.testing.assert_array_equal(layer(mg.Tensor(labels)).numpy(), y.numpy())
    y.backward(np.array([[1.0, 2], [3, 4], [5, 6]]))
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [[0, 0], [3, 4], [0, 0], [6, 8]])


def test_embedding_keeps_the_labels_it_was_called_with():
    layer, labels = nn.Embedding(3, 1), np.array([0, 0])
    y = layer(labels)
    labels[...] = 2
    sum_(y).backward()
    assert layer.weight.grad.numpy().tolist() == [[2], [0], [0]]


class DeviceLabels(np.ndarray):
    """Stands for labels on a GPU: to look at their values would wait for it."""

    def get(self) -> np.ndarray:
        return np.array(self)

    def min(self, *args: object, **kwargs: object) -> None:
        raise AssertionError("the labels were read back")

    max = min


@pytest.mark.host_only("it stands in for a device, where there is none")
@pytest.mark.parametrize(
    "call", [lambda labels: nn.Embedding(4, 2)(labels), lambda labels: cross_entropy(np.ones((2, 4)), labels)]
)
def test_labels_on_a_device_are_not_read_back(call, monkeypatch):
    labels = np.array([3, 1]).view(DeviceLabels)
    with pytest.raises(AssertionError, match="read back"):
        call(labels)  # as labels of the host, whose range is checked
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(__name__="cupy", ndarray=DeviceLabels))
    call(labels)


@pytest.mark.parametrize(
    ("layer", "shape", "wanted"),
    [
        (nn.Conv2d(3, 2, 3), (0, 3, 5, 5), (0, 2, 3, 3)),
        (nn.ConvTranspose2d(3, 2, 3), (0, 3, 5, 5), (0, 2, 7, 7)),
        (nn.Flatten(), (0, 3, 2, 2), (0, 12)),
        (nn.Dense(3, 2), (0, 4, 3), (0, 4, 2)),
        (nn.LayerNorm((3, 2, 2)), (0, 3, 2, 2), (0, 3, 2, 2)),
        (nn.AvgPool2d("global"), (0, 3, 2, 2), (0, 3)),
        (nn.MaxPool2d(2), (0, 3, 2, 2), (0, 3, 1, 1)),
        (nn.GroupNorm(3, 6), (0, 6, 2, 2), (0, 6, 2, 2)),
        (MLPDiscriminator(), (0, 1, 28, 28), (0, 1)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_of_no_samples(layer, shape, wanted):
    x = mg.Tensor(np.zeros(shape, np.float32), requires_grad=True)
    y = layer(x)
    sum_(y).backward()
    assert y.shape == wanted and x.grad.shape == shape
    assert all((p.grad.numpy() == 0).all() for p in layer.parameters())


def test_convolutions_show_their_options():
    assert repr(nn.Conv2d(3, 8, (4, 5), 2, "same", bias=False)) == (
        "Conv2d(3, 8, kernel_size=(4, 5), stride=2, padding='same', bias=False)"
    )
    assert repr(nn.ConvTranspose2d(3, 8, 5, 2, 2, 1)) == (
        "ConvTranspose2d(3, 8, kernel_size=(5, 5), stride=2, padding=2, output_padding=1, bias=True)"
    )


# --- conditional batch normalisation ---------------------------------------------------------------


def conditional(classes: int = 3, channels: int = 2, **options) -> nn.ConditionalBatchNorm:
    layer = nn.ConditionalBatchNorm(channels, classes, **options).to(dtype="float64")
    set_(layer.weight, images(classes, channels, seed=8))
    set_(layer.bias, images(classes, channels, seed=9))
    return layer


LABELS = mg.Tensor([2, 0, 2, 1], dtype="int64")


@pytest.mark.parametrize("shape", [(4, 2), (4, 2, 3, 3)])
def test_conditional_batch_norm_scales_by_the_labels_row(shape):
    layer, x = conditional(), 3 * images(*shape) + 1
    axes, along = (0, *range(2, len(shape))), (4, 2, *(1 for _ in shape[2:]))
    x_hat = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    gamma, beta = (table.numpy()[[2, 0, 2, 1]].reshape(along) for table in (layer.weight, layer.bias))
    np.testing.assert_allclose(layer(mg.Tensor(x), LABELS).numpy(), gamma * x_hat + beta, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.mean(axes), rtol=1e-12)
    mean, var = (a.numpy().reshape(1, 2, *along[2:]) for a in (layer.running_mean, layer.running_var))
    wanted = gamma * (x - mean) / np.sqrt(var + 1e-5) + beta
    np.testing.assert_allclose(layer.eval()(mg.Tensor(x), LABELS).numpy(), wanted, atol=1e-12)


def test_conditional_batch_norm_begins_as_a_batch_norm_and_is_one_with_equal_rows():
    options = {"eps": 1e-3, "momentum": 0.3, "unbiased": False}
    layer, plain = (make.to(dtype="float64") for make in (
        nn.ConditionalBatchNorm(2, 3, **options), nn.BatchNorm(2, **options)
    ))  # fmt: skip
    x = images(4, 2, 3, 3)
    for row in ((1.0, 0.0), (0.7, -2.0)):
        for owner in (layer, plain):
            if row[1]:
                set_(owner.weight, np.full(owner.weight.shape, row[0]))
                set_(owner.bias, np.full(owner.bias.shape, row[1]))
        for training in (True, False):
            y = layer.train(training)(mg.Tensor(x), LABELS).numpy()
            np.testing.assert_allclose(y, plain.train(training)(mg.Tensor(x)).numpy(), atol=1e-12)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        np.testing.assert_array_equal(getattr(layer, name).numpy(), getattr(plain, name).numpy())
    assert list(layer.state_dict()) == list(plain.state_dict())
    assert repr(layer) == "ConditionalBatchNorm(2, 3, eps=0.001, momentum=0.3)"


def test_conditional_batch_norm_classes_and_rows_renamed_together():
    layer, x = conditional(), mg.Tensor(images(4, 2, 3, 3))
    before, new_name = layer(x, LABELS).numpy(), np.array([1, 2, 0])
    for table in (layer.weight, layer.bias):
        set_(table, table.numpy()[np.argsort(new_name)])
    np.testing.assert_array_equal(layer(x, new_name[[2, 0, 2, 1]]).numpy(), before)


def test_conditional_batch_norm_gradients_to_second_order():
    layer = conditional()

    def with_weights(x: mg.Tensor, weight: mg.Tensor, bias: mg.Tensor) -> mg.Tensor:
        for name, value in (("weight", weight), ("bias", bias)):
            object.__setattr__(layer, name, value)
        return layer(x, LABELS)

    gradcheck(with_weights, [images(4, 2, 2, 2), *(p.numpy().copy() for p in layer.parameters())])


def test_conditional_batch_norm_is_synchronised_as_every_batch_norm_is(monkeypatch):
    layer, given = conditional(), {}
    layer.process_group = group = ProcessGroup()
    monkeypatch.setattr(nn.conditional.F, "batch_norm", lambda x, *_, **options: given.update(options) or x)
    layer(mg.Tensor(images(4, 2)), LABELS)
    assert isinstance(layer, nn.BatchNorm) and given["process_group"] is group


# --- self-attention --------------------------------------------------------------------------------


def attention(x: np.ndarray, layer: nn.SelfAttention) -> np.ndarray:
    """SAGAN's attention pixel by pixel."""
    w = {name: p.numpy()[:, :, 0, 0] for name, p in layer.named_parameters() if p.ndim == 4}
    w = {name.split(".")[0]: matrix for name, matrix in w.items()}
    n, c, h, width = x.shape

    def pooled(a: np.ndarray) -> np.ndarray:
        return a.reshape(n, a.shape[1], h // 2, 2, width // 2, 2).max((3, 5)).reshape(n, a.shape[1], -1)

    theta = np.einsum("oc,nchw->nohw", w["theta"], x).reshape(n, c // 8, -1)
    phi, g = (pooled(np.einsum("oc,nchw->nohw", w[name], x)) for name in ("phi", "g"))
    y = np.zeros((n, c // 2, h * width))
    for i in range(n):
        for pixel in range(h * width):
            scores = theta[i, :, pixel] @ phi[i]
            share = np.exp(scores - scores.max())
            y[i, :, pixel] = g[i] @ (share / share.sum())
    return x + layer.gamma.item() * np.einsum("oc,nchw->nohw", w["o"], y.reshape(n, c // 2, h, width))


def test_self_attention_begins_as_the_identity():
    layer, x = nn.SelfAttention(8), images(2, 8, 4, 6, dtype="float32")
    np.testing.assert_array_equal(layer(mg.Tensor(x)).numpy(), x)
    assert list(layer.state_dict()) == ["gamma", "theta.weight", "phi.weight", "g.weight", "o.weight"]
    shapes = [(), (1, 8, 1, 1), (1, 8, 1, 1), (4, 8, 1, 1), (8, 4, 1, 1)]
    assert [p.shape for p in layer.parameters()] == shapes


def test_self_attention_that_is_off_sends_a_gradient_to_gamma_alone():
    """γ = 0: dγ = ⟨dy, o⟩, with o what would be added, dx = dy to the bit, and nothing for the four weights."""
    layer = nn.SelfAttention(8).to(dtype="float64")
    x, dy = mg.Tensor(images(2, 8, 4, 6), requires_grad=True), images(2, 8, 4, 6, seed=1)
    layer(x).backward(dy)
    np.testing.assert_array_equal(x.grad.numpy(), dy)
    for name in ("theta", "phi", "g", "o"):
        assert not np.abs(getattr(layer, name).weight.grad.numpy()).any()
    of_gamma = layer.gamma.grad.item()
    set_(layer.gamma, 1.0)
    assert of_gamma == pytest.approx(((layer(x).numpy() - x.numpy()) * dy).sum(), rel=1e-9)
    assert abs(of_gamma) > 1e-3


def test_self_attention_shares_sum_to_one():
    """If every place has the same values, all that a pixel sees is these: whatever it looks at."""
    layer, x = nn.SelfAttention(8).to(dtype="float64"), mg.Tensor(5 * images(1, 8, 4, 4))
    set_(layer.gamma, 1.0)
    layer.g.forward = lambda x: mg.Tensor(np.ones((1, 4, 4, 4)))
    wanted = layer.o.weight.numpy()[:, :, 0, 0].sum(axis=1)[None, :, None, None]
    np.testing.assert_allclose(layer(x).numpy() - x.numpy(), wanted.repeat(4, 2).repeat(4, 3), atol=1e-12)


def test_self_attention_looks_everywhere_alike_where_all_is_the_same():
    """φ of a constant image is constant, so every pixel gets the mean of g's places."""
    layer, x = nn.SelfAttention(8).to(dtype="float64"), mg.Tensor(np.ones((1, 8, 4, 4)) * images(1, 8, 1, 1))
    values = images(1, 4, 4, 4, seed=2)
    set_(layer.gamma, 1.0)
    layer.g.forward = lambda x: mg.Tensor(values)
    pooled = values.reshape(4, 2, 2, 2, 2).max((2, 4)).reshape(4, -1)
    wanted = (layer.o.weight.numpy()[:, :, 0, 0] @ pooled.mean(axis=1))[None, :, None, None]
    np.testing.assert_allclose(layer(x).numpy() - x.numpy(), wanted.repeat(4, 2).repeat(4, 3), atol=1e-12)


def test_self_attention_knows_no_places():
    """Blocks of 2×2 (which φ and g are pooled over) in another order: what comes out is in that order."""
    mg.manual_seed(0)
    layer, x = nn.SelfAttention(8).to(dtype="float64"), 2 * images(2, 8, 4, 6)
    set_(layer.gamma, 0.7)
    order = np.random.default_rng(0).permutation(6)

    def reordered(a: np.ndarray) -> np.ndarray:
        blocks = a.reshape(2, 8, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 8, 6, 2, 2)[:, :, order]
        return blocks.reshape(2, 8, 2, 3, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(a.shape)

    y, of_reordered = (layer(mg.Tensor(a)).numpy() for a in (x, reordered(x)))
    np.testing.assert_allclose(of_reordered, reordered(y), atol=1e-12)
    assert np.abs(y - x).max() > 0.01 and np.abs(reordered(x) - x).max() > 1


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 4, (2, 5)), nn.ConvTranspose2d(3, 4, (2, 5))], ids=["conv", "transposed"]
)
def test_a_convolutions_weight_lies_as_its_kernels_read_it(layer):
    """Moved, loaded and stepped too, and so does its gradient: no kernel turns it around."""
    layer.to("cpu").to(mg.get_default_device()).to(dtype="float64").to(dtype="float32")
    layer.load_state_dict({name: a.copy() for name, a in layer.state_dict().items()})
    y = layer(mg.Tensor(np.ones((2, 3, 6, 6), np.float32), device=layer.weight.device))
    sum_(y * y).backward()
    mg.optim.Adam(layer.parameters()).step()
    for a in (layer.weight.array, layer.weight.grad.array):
        assert share_memory(taps_first(a), a)


def test_self_attention_values():
    mg.manual_seed(0)
    layer = nn.SelfAttention(16).to(dtype="float64")
    set_(layer.gamma, 0.7)
    x = 3 * images(2, 16, 4, 6)
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), attention(x, layer), atol=1e-12)


def test_self_attention_gradients_to_second_order():
    mg.manual_seed(0)
    layer = nn.SelfAttention(8).to(dtype="float64")
    set_(layer.gamma, 0.7)
    weights = layer.parameters()

    def with_weights(x: mg.Tensor, *given: mg.Tensor) -> mg.Tensor:
        holders = [layer, layer.theta, layer.phi, layer.g, layer.o]
        names = ["gamma", "weight", "weight", "weight", "weight"]
        for holder, name, value in zip(holders, names, given, strict=True):
            object.__setattr__(holder, name, value)
        return layer(x)

    gradcheck(with_weights, [2 * images(1, 8, 4, 4), *(p.numpy().copy() for p in weights)])

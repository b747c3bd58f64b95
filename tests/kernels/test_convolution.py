"""The convolution kernels against the sums that define them, and the identities that tie them together."""

import numpy as np
import pytest
import reference
from devices import assert_allclose, assert_array_equal, host, on_device, share_memory
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minigan.kernels import convolution, cook_toom, im2col, narrow, strided
from minigan.kernels.geometry import Geometry
from minigan.kernels.layout import is_native, taps_first, to_native, weight_of

more = settings(max_examples=3 * settings().max_examples)
KERNELS = ("conv_forward", "conv_input_grad", "conv_weight_grad")
FOR_CPUS = (cook_toom, narrow, strided)


@st.composite
def geometries(draw, strides=(1, 3)):
    """Convolutions and transposed ones; every kind of padding, taps that see nothing else, unread pixels."""

    def pair(low, high):
        return st.tuples(st.integers(low, high), st.integers(low, high))

    size, kernel, stride = draw(pair(1, 9)), draw(pair(1, 5)), draw(pair(*strides))
    paddings = st.just("same"), st.integers(0, 2), pair(0, 3), st.tuples(pair(0, 5), pair(0, 5))
    padding = draw(st.one_of(*paddings))
    try:
        if draw(st.booleans()):
            return Geometry.of_conv(size, kernel, stride, padding)
        extra = tuple(draw(st.integers(0, s - 1)) for s in stride)
        return Geometry.of_conv_transpose(size, kernel, stride, padding, extra)
    except ValueError:
        assume(False)


@st.composite
def problems(draw, **options):
    """(geometry, x, w, dy) in float64; channels on both sides of im2col's threshold, and single ones."""
    geometry = draw(geometries(**options))
    n, c, o = draw(st.integers(1, 3)), draw(st.sampled_from((1, 2, 9))), draw(st.sampled_from((1, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = (n, c, *geometry.in_size), (o, c, *geometry.kernel), (n, o, *geometry.out_size)
    return (geometry, *(rng.standard_normal(shape) for shape in shapes))


def arguments(kernel, x, w, dy):
    return {"conv_forward": (x, w), "conv_input_grad": (dy, w), "conv_weight_grad": (x, dy)}[kernel]


def called(algorithm, kernel, arrays, geometry):
    """A kernel's result for these arrays of the host. Some algorithms are for CPUs, and stay there."""
    place = host if algorithm in FOR_CPUS else on_device
    return getattr(algorithm, kernel)(*map(place, arrays), geometry)


def scale(kernel, geometry, x, w, dy):
    """The largest sum of absolute terms in a result: what rounding errors are relative to."""
    sums = getattr(reference, kernel)(*(np.abs(a) for a in arguments(kernel, x, w, dy)), geometry)
    return max(sums.max(), 1e-30)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "algorithm, dtype, tolerance",
    [
        (im2col, np.float64, 1e-12),
        # 225 products of one sum at most, each rounded by 6e-8 at most, errors partly cancelling
        (im2col, np.float32, 2e-6),
        (strided, np.float64, 1e-12),  # the same products, of the same length
        (strided, np.float32, 2e-6),
        (cook_toom, np.float64, 1e-10),  # the algebra is exact; only points' powers amplify rounding
        (cook_toom, np.float32, 2e-5),  # the same amplification of float32's rounding: 2e-5 is the promise
    ],
)
@more
@given(problem=problems())
def test_algorithms_agree_with_the_direct_sums(kernel, algorithm, dtype, tolerance, problem):
    assert_direct_sums(kernel, algorithm, dtype, tolerance, problem)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-6)])
@given(problem=problems(strides=(1, 1)))
def test_narrow_agrees_with_the_direct_sums(kernel, dtype, tolerance, problem):
    assert_direct_sums(kernel, narrow, dtype, tolerance, problem)


def assert_direct_sums(kernel, algorithm, dtype, tolerance, problem):
    geometry, *arrays = problem
    # What float32 can represent, so that only the algorithm's own rounding is measured.
    arrays = [a.astype(dtype).astype(np.float64) for a in arrays]
    expected = getattr(reference, kernel)(*arguments(kernel, *arrays), geometry)
    result = called(algorithm, kernel, arguments(kernel, *(a.astype(dtype) for a in arrays)), geometry)
    assert result.dtype == dtype
    assert result.shape == expected.shape
    assert np.abs(host(result) - expected).max() <= tolerance * scale(kernel, geometry, *arrays)


@pytest.mark.parametrize("algorithm", [im2col, cook_toom, narrow, strided])
@pytest.mark.parametrize("kernel", KERNELS)
def test_as_many_channels_in_as_out(kernel, algorithm):
    """A weight that is not transposed where it must be still fits then, above all a pointwise one."""
    for size in (1, 2):
        geometry, rng = Geometry.of_conv((2, 3), size), np.random.default_rng(size)
        shapes = (2, 3, 2, 3), (3, 3, size, size), (2, 3, *geometry.out_size)
        arrays = arguments(kernel, *(rng.standard_normal(shape) for shape in shapes))
        expected = getattr(reference, kernel)(*arrays, geometry)
        assert_allclose(called(algorithm, kernel, arrays, geometry), expected, rtol=1e-10, atol=1e-12)


def test_direct_sums_by_hand():
    """The oracle itself: [1 2 3] with kernel [10 1], one zero before, stride 2, reads (0, 1) and (2, 3)."""
    geometry = Geometry((1, 3), (1, 2), (1, 2), (1, 2), (0, 1))
    x, w, dy = np.array([[[[1.0, 2, 3]]]]), np.array([[[[10.0, 1]]]]), np.array([[[[5.0, 7]]]])
    assert reference.conv_forward(x, w, geometry).ravel().tolist() == [1, 23]
    assert reference.conv_input_grad(dy, w, geometry).ravel().tolist() == [5, 70, 7]
    assert reference.conv_weight_grad(x, dy, geometry).ravel().tolist() == [14, 26]


@pytest.mark.parametrize("algorithm", [im2col, cook_toom, convolution])
@more
@given(problem=problems())
def test_the_three_kernels_are_one_trilinear_form(algorithm, problem):
    """⟨dy, conv(x, w)⟩ = ⟨dx, x⟩ = ⟨dw, w⟩: each kernel is the adjoint of the other two."""
    geometry, x, w, dy = problem
    values = [
        np.vdot(host(called(algorithm, kernel, arguments(kernel, x, w, dy), geometry)), other)
        for kernel, other in zip(KERNELS, (dy, x, w), strict=True)
    ]
    size = np.vdot(np.abs(dy), reference.conv_forward(np.abs(x), np.abs(w), geometry))
    np.testing.assert_allclose(values, values[0], rtol=0, atol=1e-11 * max(size, 1e-30))


def lies_as_the_kernels_read_it(kernel, result):
    """Images (H, W, N, C), weights (KH, KW, C, O), so that the next kernel copies neither."""
    return share_memory(taps_first(result), result) if kernel == "conv_weight_grad" else is_native(result)


def as_weights_lie(a):
    return weight_of(taps_first(a))


# Large enough for several bands, blocks, strips and threads; the fewest images for im2col's second piece.
LARGE = [
    (Geometry.of_conv((14, 14), 5, 2, "same"), 70, 24, 40),
    (Geometry.of_conv((28, 28), 5, 2, "same"), 130, 1, 16),
    (Geometry.of_conv_transpose((7, 7), 5, 1, "same"), 64, 48, 64),
    (Geometry.of_conv((14, 14), 1), 64, 16, 8),
    (Geometry.of_conv((64, 64), 4, 2, 1), 65, 3, 16),
]
# Several tiles along rows and columns, and several pieces of a product; more channels in, and more out.
NARROW = [
    (Geometry.of_conv((30, 29), 3, 1, 1), 70, 16, 3),
    (Geometry.of_conv((16, 37), (5, 4), 1, ((3, 0), (1, 2))), 80, 7, 20),
]
CASES = [(a, case) for a in (im2col, cook_toom) for case in LARGE] + [(narrow, case) for case in NARROW]


def large_problem(case, dtype=np.float32):
    geometry, n, c, o = case
    rng = np.random.default_rng(0)
    shapes = (n, c, *geometry.in_size), (o, c, *geometry.kernel), (n, o, *geometry.out_size)
    return geometry, *(rng.standard_normal(shape).astype(dtype) for shape in shapes)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", LARGE + NARROW)
def test_large_batches_agree_between_algorithms(kernel, case):
    """Bands, blocks and threads, in float32, against im2col in float64 on one image at a time."""
    geometry, *arrays = large_problem(case)
    exact = [a.astype(np.float64) for a in arrays]
    x, w, dy = exact
    if kernel == "conv_weight_grad":
        expected = sum(im2col.conv_weight_grad(x[i : i + 1], dy[i : i + 1], geometry) for i in range(len(x)))
    else:
        first, second = arguments(kernel, x, w, dy)
        one = getattr(im2col, kernel)
        expected = np.concatenate([one(first[i : i + 1], second, geometry) for i in range(len(first))])
    for algorithm in (im2col, cook_toom, convolution, *([narrow] if case in NARROW else [])):
        result = host(called(algorithm, kernel, arguments(kernel, *arrays), geometry))
        assert np.abs(result - expected).max() <= (2e-6 if algorithm is narrow else 2e-5) * np.abs(expected).max()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("algorithm, case", CASES)
def test_memory_order_does_not_matter_inputs_stay_and_results_are_fresh(kernel, algorithm, case):
    geometry, *arrays = large_problem(case)
    call = getattr(algorithm, kernel)
    inputs = arguments(kernel, *(arrays if algorithm in FOR_CPUS else map(on_device, arrays)))
    copies = [host(a).copy() for a in inputs]
    first = call(*inputs, geometry)
    kept = host(first).copy()
    second = call(*(2 * a for a in inputs), geometry)  # would overwrite a result that lies in scratch memory
    assert_array_equal(first, kept)
    assert_array_equal(second, 4 * kept)  # doubling is exact
    assert not any(share_memory(result, a) for result in (first, second) for a in inputs)
    assert all(np.array_equal(host(a), b) for a, b in zip(inputs, copies, strict=True))
    assert lies_as_the_kernels_read_it(kernel, first)
    assert getattr(first.flags, "writeable", True)  # CuPy's arrays always are
    for order in (to_native, as_weights_lie, lambda a: a.copy(order="F"), lambda a: a.repeat(2, axis=3)[..., ::2]):
        again = call(*(order(a) for a in inputs), geometry)
        # A BLAS may take a transposed operand through another loop, which rounds otherwise.
        assert_allclose(again, kept, rtol=0, atol=1e-6 * abs(kept).max())


def test_a_kernel_of_one_pixel_returns_memory_of_its_own():
    """The one case in which a kernel's columns are its input itself."""
    geometry = Geometry.of_conv((3, 3), 1)
    x, w = to_native(on_device(np.ones((2, 4, 3, 3)))), on_device(np.eye(4).reshape(4, 4, 1, 1))
    for result in (convolution.conv_forward(x, w, geometry), convolution.conv_input_grad(x, w, geometry)):
        assert_array_equal(result, x)
        assert not share_memory(x, result)


def test_the_dispatcher_chooses():
    """Cook-Toom for the layers that take a DCGAN's time, im2col for one channel at a stride and for float64; for few
    channels at stride 1 their own, but for tiny ones; blocks where windows of a stride overlap."""
    heavy, first = Geometry.of_conv((7, 7), 5, 1, "same"), Geometry.of_conv((28, 28), 5, 2, "same")
    last, point = Geometry.of_conv((28, 28), 3, 1, 1), Geometry.of_conv((28, 28), 1)
    for passes in (1, 2):
        assert convolution.algorithm(heavy, 256, 128, 256, "f", passes) is cook_toom
        assert convolution.algorithm(heavy, 8, 128, 256, "f", passes) is im2col
        assert convolution.algorithm(first, 256, 1, 64, "f", passes) is im2col
        assert convolution.algorithm(heavy, 256, 128, 256, "d", passes) is im2col
        assert convolution.algorithm(heavy, 256, 128, 256, "e", passes) is im2col
        for c, o in [(8, 3), (3, 8), (16, 16), (1, 8), (64, 1)]:
            assert convolution.algorithm(last, 128, c, o, "f", passes) is narrow
            assert convolution.algorithm(last, 128, c, o, "d", passes) is im2col
            assert convolution.algorithm(point, 128, c, o, "f", passes) is im2col
        assert convolution.algorithm(last, 2, 8, 3, "f", passes) is im2col
        assert convolution.algorithm(last, 64, 64, 64, "f", passes) is cook_toom
        for c, o, size, kernel in [(24, 48, 14, 4), (8, 16, 28, 4), (16, 32, 28, 4), (32, 64, 14, 4)]:
            overlapping = Geometry.of_conv((size, size), kernel, 2, 1)
            assert convolution.algorithm(overlapping, 64, c, o, "f", passes) is strided
            assert convolution.algorithm(overlapping, 64, c, o, "d", passes) is im2col
        for c, o, kernel in [(24, 48, 2), (1, 24, 4)]:  # side by side; one channel
            assert convolution.algorithm(Geometry.of_conv((28, 28), kernel, 2), 64, c, o, "f", passes) is im2col
    widening = Geometry.of_conv_transpose((1, 1), 4, 1, 0)  # from noise to 512 channels of 4×4
    assert convolution.algorithm(widening, 16, 512, 100, "f", 1) is im2col
    halving = Geometry.of_conv((8, 8), 4, 2, 1)  # so much weight that a small batch does not pay for its transform
    assert convolution.algorithm(halving, 16, 256, 512, "f", 1) is im2col
    assert convolution.algorithm(halving, 128, 256, 512, "f", 1) is cook_toom
    filled_up = Geometry.of_conv((14, 14), 3, 2, 1)
    assert convolution.algorithm(filled_up, 64, 24, 48, "f", 1) is im2col


@more
@given(problem=problems())
def test_float64_goes_to_im2col(problem):
    """Bit for bit: gradient checks must not see Cook-Toom's rounding."""
    geometry, *arrays = problem
    for kernel in KERNELS:
        inputs = arguments(kernel, *arrays)
        assert_array_equal(*(called(algorithm, kernel, inputs, geometry) for algorithm in (convolution, im2col)))


@pytest.mark.parametrize("m, r", [(m, r) for m in range(1, 9) for r in range(1, 9) if m + r <= 9])
def test_tiles_are_exact_in_rational_arithmetic(m, r):
    """F(m, r) in fractions, on unit vectors: A [(B d) ⊙ (C w)] is the correlation itself, no tolerance."""
    a, b, c = cook_toom.tile_matrices(m, r)
    for i in range(m):
        for pixel in range(m + r - 1):
            for tap in range(r):
                value = sum(a[i][p] * b[p][pixel] * c[p][tap] for p in range(len(b)))
                assert value == (1 if pixel == i + tap else 0)


def test_fewer_products_than_the_sum():
    """The point of it all: 15 products where 7 outputs take 29 (5 taps), 19 where stride 2 takes 32."""
    assert cook_toom.points(Geometry.of_conv((7, 7), 5, 1, "same")) == (15, 15)
    assert cook_toom.points(Geometry.of_conv((14, 14), 5, 2, "same")) == (19, 19)

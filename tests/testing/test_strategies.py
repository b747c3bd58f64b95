"""The public Hypothesis strategies: what they draw is valid, all of it occurs, and it shrinks to what one can read."""

import os
import random
import subprocess
import sys
from math import prod
from pathlib import Path

import invalid_calls
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from minigan import functions as F
from minigan.extras import install_command
from minigan.testing import random_inputs
from minigan.testing import strategies as mst
from minigan.testing.cases import CASES

many = settings(max_examples=5 * settings().max_examples)


def smallest(strategy, condition):
    return find(strategy, condition, settings=settings(max_examples=2000, database=None), random=random.Random(0))


def drawn_by(strategy, count=200):
    """As many examples as that, the same on every run."""
    examples = []

    @settings(max_examples=count, database=None, derandomize=True)
    @given(strategy)
    def collect(example):
        examples.append(example)

    collect()
    return examples


# --- numbers and shapes --------------------------------------------------------------------------


@given(mst.from_rng(lambda rng: [rng.integers(2, 5) for _ in range(20)]))
def test_integers_leave_out_their_upper_end(integers):
    assert set(integers) <= {2, 3, 4}


def test_both_ends_of_integers_occur():
    assert set(drawn_by(mst.from_rng(random_inputs.integer, 2, 4), 50)) == {2, 3, 4}


LIMITS = {"normal": (-7, 7), "positive": (0.5, 2), "probability": (0.1, 0.9), "distinct": (-9, 9)}


@pytest.mark.parametrize("kind", LIMITS)
@given(st.data())
def test_arrays_hold_numbers_of_their_kind(kind, data):
    x = data.draw(mst.arrays(kind=kind, dtype=data.draw(st.sampled_from(["float32", "float64"]))))
    assert isinstance(x, np.ndarray) and x.ndim <= 4 and all(1 <= n <= 3 for n in x.shape)
    assert (LIMITS[kind][0] <= x).all() and (x <= LIMITS[kind][1]).all()
    np.testing.assert_allclose(x, x.round(2), atol=1e-6)  # to be read


def test_arrays_of_a_given_dtype_and_shape():
    assert {(x.dtype.name, x.shape) for x in drawn_by(mst.arrays((2, 3), dtype="float32"), 10)} == {("float32", (2, 3))}
    assert {x.shape for x in drawn_by(mst.arrays(3), 10)} == {(3,)}
    assert {x.ndim for x in drawn_by(mst.arrays(mst.array_shapes(min_dims=2, max_dims=3)))} == {2, 3}
    assert any(x.size == 0 for x in drawn_by(mst.arrays(mst.array_shapes(min_side=0))))


def test_arrays_differ_from_each_other():
    assert len({x.tobytes() for x in drawn_by(mst.arrays(4), 50)}) > 20


@many
@given(mst.several_arrays(mst.mutually_broadcastable_shapes(3), kind="distinct"))
def test_distinct_numbers_neither_tie_nor_lie_at_zero(arrays):
    numbers = np.sort(np.concatenate([a.ravel() for a in arrays]))
    assert (np.diff(numbers) > 0.01).all() and (np.abs(numbers) > 0.01).all()


@many
@given(mst.mutually_broadcastable_shapes(3, max_dims=2, max_side=4))
def test_mutually_broadcastable_shapes(shapes):
    whole = np.broadcast_shapes(*shapes)
    assert len(shapes) == 3 and len(whole) <= 2 and max(whole, default=0) <= 4


@given(mst.array_shapes(), st.data())
def test_axes_are_such_as_numpy_takes(shape, data):
    np.ones(shape).sum(axis=data.draw(mst.axes_of(shape)))


def test_every_form_of_axes_occurs():
    axes = drawn_by(mst.axes_of((2, 2, 2)))
    some = {a for a in axes if isinstance(a, tuple)}
    assert None in axes and {-3, -2, -1, 0, 1, 2} <= set(axes)
    assert {len(a) for a in some} == {0, 1, 2, 3} and any(min(a, default=0) < 0 < max(a, default=0) for a in some)


# --- convolutions --------------------------------------------------------------------------------


def form(padding):
    if isinstance(padding, tuple):
        return "per side" if isinstance(padding[0], tuple) else "pair"
    return padding if isinstance(padding, str) else "number"


FORMS = {"number", "pair", "per side", "same"}
STRATEGIES = {"conv2d": mst.convolutions(), "conv_transpose2d": mst.transposed_convolutions()}


@pytest.mark.parametrize("name", STRATEGIES)
def test_convolutions_exist_in_every_form(name):
    drawn = drawn_by(STRATEGIES[name])
    for size, kernel, options in drawn:
        y = getattr(F, name)(np.ones((1, 1, *size)), np.ones((1, 1, *kernel)), **options)
        assert min(y.shape[2:]) >= 1
    assert {form(c.options["padding"]) for c in drawn} == FORMS
    for option in {"stride", "output_padding"} & set(drawn[0].options):
        assert {form(c.options[option]) for c in drawn} == {"number", "pair"}
    paddings = [random_inputs.padding_per_side(c.options["padding"]) for c in drawn if c.options["padding"] != "same"]
    assert any(len({p for pair in pads for p in pair}) > 2 for pads in paddings)


@pytest.mark.parametrize("same", [True, False])
def test_paddings(same):
    paddings = drawn_by(mst.paddings(3, same))
    assert {form(p) for p in paddings} == (FORMS if same else FORMS - {"same"})
    assert {p for p in paddings if isinstance(p, int)} == {0, 1, 2, 3}


INVALID = {
    "conv2d": mst.from_rng(invalid_calls.invalid_conv2d),
    "conv_transpose2d": mst.from_rng(invalid_calls.invalid_conv_transpose2d),
}


@pytest.mark.parametrize("name", INVALID)
@many
@given(st.data())
def test_every_invalid_call_is_refused_by_name(name, data):
    invalid = data.draw(INVALID[name])
    with pytest.raises((ValueError, TypeError), match=invalid.match):
        invalid.call(*invalid.call.inputs)
        pytest.fail(f"{invalid.reason}, but it is taken: {invalid.call}")
    assert invalid.match.startswith(f"^{name}: ")


@pytest.mark.parametrize(
    ("draw", "table"),
    [
        (invalid_calls.invalid_conv2d, invalid_calls.CONV2D),
        (invalid_calls.invalid_conv_transpose2d, invalid_calls.CONV_TRANSPOSE2D),
    ],
)
def test_every_invalid_call_is_made(draw, table):
    rng = np.random.default_rng(0)
    assert {draw(rng).reason for _ in range(300)} == set(table)


# --- whole calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=5)
@given(st.data())
def test_calls_can_be_called(name, data):
    call = data.draw(mst.calls(name))
    outputs = call(*call.inputs)
    assert all(y.dtype == "float64" for y in (outputs if isinstance(outputs, tuple) else [outputs]))


def test_unknown_names_are_refused_at_once():
    with pytest.raises(ValueError, match="there are no calls of 'conv3d'; there are of exp, .*conv2d"):
        mst.calls("conv3d")
    with pytest.raises(ValueError, match="kind is one of 'normal', .*, not 'uniform'"):
        mst.arrays(kind="uniform")


# --- shrinking -----------------------------------------------------------------------------------


def test_the_smallest_array_of_some_size():
    assert smallest(mst.arrays(), lambda x: True).shape == ()
    assert smallest(mst.arrays(), lambda x: x.size > 3).shape == (2, 2)


def test_the_smallest_pair_of_shapes_with_a_repeated_axis():
    assert sorted(smallest(mst.mutually_broadcastable_shapes(), lambda pair: pair[0] != pair[1])) == [(1,), (2,)]
    fewer = smallest(mst.mutually_broadcastable_shapes(), lambda pair: len(pair[0]) < len(pair[1]))
    assert fewer == [(), (1,)]


def test_the_smallest_axis_from_the_end():
    assert smallest(mst.axes_of((2, 3, 4)), lambda a: isinstance(a, int) and a < 0) in (-1, -2, -3)


def test_the_smallest_convolution_with_more_stride_than_kernel():
    def skips(c):
        return isinstance(c.options["stride"], int) and c.options["stride"] > max(c.kernel)

    assert smallest(mst.convolutions(), skips) == ((1, 1), (1, 1), {"stride": 2, "padding": 0})


def test_the_smallest_uneven_padding():
    def uneven(c):
        return form(c.options["padding"]) == "per side" and c.options["padding"][0] != c.options["padding"][1]

    size, kernel, options = smallest(mst.convolutions(), uneven)
    assert (size, kernel, options["stride"]) == ((1, 1), (1, 1), 1)
    assert sum(sum(p) for p in options["padding"]) == 1


def test_the_smallest_transposed_convolution_with_output_padding():
    found = smallest(mst.transposed_convolutions(), lambda c: c.options["output_padding"] not in (0, (0, 0)))
    assert found.size == found.kernel == (1, 1) and found.options["padding"] == 0
    assert sum(found.options["output_padding"]) == 1 and sum(found.options["stride"]) == 3


def test_the_smallest_call_of_conv2d_with_same():
    call = smallest(mst.calls("conv2d"), lambda call: call.options["padding"] == "same")
    assert [x.shape for x in call.inputs] == [(1, 1, 1, 1)] * 2
    assert call.options == {"stride": 1, "padding": "same"}


def test_the_smallest_call_with_a_property_of_its_output():
    call = smallest(mst.calls("conv_transpose2d"), lambda call: prod(call(*call.inputs).shape) >= 4)
    assert sum(x.size for x in call.inputs) <= 5


def test_the_smallest_invalid_call_of_a_kind():
    invalid = smallest(INVALID["conv2d"], lambda m: m.reason == "the kernel is larger than the padded image")
    x, weight, bias = invalid.call.inputs
    assert x.shape == (1, 1, 1, 1) and sorted(weight.shape) == [1, 1, 1, 2] and bias.shape == (1,)
    assert invalid.call.options == {"stride": 1, "padding": 0}


# --- profiles, and without Hypothesis ------------------------------------------------------------


def test_profiles():
    quick, thorough = (settings.get_profile(name) for name in ("quick", "thorough"))
    assert quick.derandomize and not thorough.derandomize
    assert quick.deadline is thorough.deadline is None
    assert thorough.max_examples >= 20 * quick.max_examples


def test_the_profile_of_this_run(pytestconfig, default_device):
    usual = os.environ.get("MINIGAN_PROFILE") or ("quick" if str(default_device) == "cpu" else "few")
    profile = "thorough" if pytestconfig.getoption("--thorough") else usual
    assert settings().max_examples == settings.get_profile(profile).max_examples


@pytest.mark.parametrize(("arguments", "profile"), [(["--thorough"], "quick"), ([], "thorough")])
def test_the_thorough_profile_is_chosen_by_an_option_or_a_variable(tmp_path, arguments, profile):
    conftest = Path(__file__).resolve().parents[1] / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_probe.py").write_text(
        "from hypothesis import settings\ndef test_probe():\n    assert settings().max_examples == 500\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", *arguments, "test_probe.py"]
    environment = {**os.environ, "MINIGAN_PROFILE": profile, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_without_hypothesis_the_rest_works_and_the_strategies_say_what_to_install():
    code = """
import sys
sys.modules["hypothesis"] = None  # any import of it fails
import numpy as np
import minigan.testing, minigan.testing.cases
call = minigan.testing.cases.CASES["conv2d"].draw(np.random.default_rng(0))
call(*call.inputs)
import minigan.testing.strategies
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"ModuleNotFoundError: minigan.testing.strategies needs Hypothesis: {install_command('test')}"

"""`minigan check` as a whole: right functions of users pass, whatever the seed, and wrong ones do not."""

import numpy as np
import pytest
from testing.user_functions import RIGHT, WRONG

from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.check import checks_of, run_checks
from minigan.testing.ties import gradients_at_ties_are_subgradients

PLACE = "testing.user_functions"


def check(name, seed, cases):
    (result,) = run_checks(checks_of([f"{PLACE}:{name}"], None, cases, seed), whole=False)
    return result


# One seed and few cases find what there is to find; the slow ones look for a seed that goes wrong.
SEEDS = [pytest.param(0, 4), *(pytest.param(seed, 10, marks=pytest.mark.slow) for seed in range(1, 5))]


# On a device a mean of nothing is NaN without a word, and so is taken for a value.
HOST_ONLY = {"StandardisedPair": pytest.mark.host_only("a mean of nothing is told by NumPy")}


@pytest.mark.parametrize(("seed", "cases"), SEEDS)
@pytest.mark.parametrize("name", [pytest.param(n, marks=HOST_ONLY[n]) if n in HOST_ONLY else n for n in RIGHT])
def test_right_functions_pass(name, seed, cases):
    result = check(name, seed, cases)
    assert result.error is None, result.error
    assert result.cases == cases


@pytest.mark.parametrize(("seed", "cases"), SEEDS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_fail_and_are_told_why(name, seed, cases):
    result = check(name, seed, cases)
    assert isinstance(result.error, AssertionError) and WRONG[name][1] in str(result.error), result.error


@pytest.mark.host_only("float64 is rounded alike on a device")
@pytest.mark.parametrize("seed", range(6))
def test_the_backward_pass_has_rounding_errors_too(seed):
    """Where forward is exact, as it is of some pairs, and backward adds up terms that cancel."""
    standardised, rng = RIGHT["StandardisedPair"], np.random.default_rng(seed)
    for _ in range(10):
        gradcheck(standardised, standardised.samples(rng), seed=seed)


@pytest.mark.host_only("the arrays are NumPy's")
def test_at_the_edge_of_the_domain_there_is_no_tie_to_judge():
    """√x x at x = 0 has a gradient, and on one side no values."""
    gradients_at_ties_are_subgradients(lambda x: F.power(x, 1.5), [np.array([0.0, 1.0, 0.0, 4.0])])

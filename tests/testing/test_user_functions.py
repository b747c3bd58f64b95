"""`minigan check` as a whole: right functions of users pass, whatever the seed, and wrong ones do not."""

import pytest
from testing.user_functions import RIGHT, WRONG

from minigan.testing.check import checks_of, run_checks

PLACE = "testing.user_functions"


def check(name, seed, cases):
    (result,) = run_checks(checks_of([f"{PLACE}:{name}"], None, cases, seed), whole=False)
    return result


# One seed and few cases find what there is to find; the slow ones look for a seed that goes wrong.
SEEDS = [pytest.param(0, 4), *(pytest.param(seed, 10, marks=pytest.mark.slow) for seed in range(1, 5))]


@pytest.mark.parametrize(("seed", "cases"), SEEDS)
@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass(name, seed, cases):
    result = check(name, seed, cases)
    assert result.error is None, result.error
    assert result.cases == cases


@pytest.mark.parametrize(("seed", "cases"), SEEDS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_fail_and_are_told_why(name, seed, cases):
    result = check(name, seed, cases)
    assert isinstance(result.error, AssertionError) and WRONG[name][1] in str(result.error), result.error

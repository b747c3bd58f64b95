"""Options of dataclasses: how each is declared, what it takes, and the one sentence for what it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from minigan import options
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.options import ConfigError, Kind, check_options, one_of, option, options_of, or_none


@dataclass(eq=False)
class Mine:
    """All ways to declare one."""

    gamma: float = option(0.5, "how diverse", options.FRACTION, group="losses")
    lr_G: float = option(0.1, "G's rate", options.POSITIVE, set_by="lr")
    steps: int | None = option(None, "how many", or_none(options.COUNT))
    shape: str = option("ring", "of the data", one_of({"ring": 1, "grid": 2}))
    rates: tuple[float, float] = option((0.5, 0.9), "two", options.PAIR_OF_FRACTIONS)
    width: int = 64
    scale: float = 1.0
    title: str = "a title"
    fast: bool = False

    def __post_init__(self) -> None:
        check_options(self)


def test_what_is_declared_is_found_in_its_order():
    found = options_of(Mine)
    assert list(found) == ["gamma", "lr_G", "steps", "shape", "rates", "width", "scale", "title", "fast"]
    gamma = found["gamma"]
    assert (gamma.name, gamma.default, gamma.help, gamma.kind) == ("gamma", 0.5, "how diverse", options.FRACTION)
    assert (gamma.group, gamma.set_by, found["lr_G"].set_by) == ("losses", "", "lr")
    plain = {name: found[name].kind for name in ("width", "scale", "title", "fast")}
    assert plain == {"width": options.WHOLE, "scale": options.NUMBER, "title": options.TEXT, "fast": options.FLAG}
    assert found["width"].default == 64 and found["width"].help == ""


def test_a_field_whose_kind_cannot_be_told():
    @dataclass
    class Untold:
        rates: tuple = (1, 2)

    with pytest.raises(TypeError, match=r"^Untold.rates: an option is a str, int, float or bool, or says its kind: "):
        options_of(Untold)


def test_options_of_one_class_alone():
    """Of an instance that has fields which are none."""

    @dataclass
    class More(Mine):
        chosen: Any = field(default_factory=dict)

        def __post_init__(self) -> None:
            check_options(self, Mine)

    More()
    with pytest.raises(ConfigError, match="^width is 1.5, but must be a whole number$"):
        More(width=1.5)


def test_lists_become_tuples():
    """JSON has lists only."""
    assert Mine(rates=[0.1, 0.2]).rates == (0.1, 0.2)

    @dataclass(frozen=True)
    class Frozen:
        rates: tuple[float, float] = option((0.5, 0.9), "two", options.PAIR_OF_FRACTIONS)

    check_options(frozen := Frozen([0.1, 0.2]))
    assert frozen.rates == (0.1, 0.2)
    assert GAN(penalties=["r1"]).penalties == ("r1",)


TAKES = {
    "TEXT": (["", "mnist"], [1, None], "a text"),
    "WHOLE": ([-3, 0, 5], [1.0, "1", True, None], "a whole number"),
    "COUNT": ([1, 7], [0, -1, 2.0, True], "a whole number of 1 or more"),
    "NATURAL": ([0, 7], [-1, 0.0, False], "a whole number of 0 or more"),
    "NUMBER": ([-1, 0.5], [float("inf"), float("nan"), True, "1", 1j], "a number"),
    "POSITIVE": ([1, 1e-9], [0, -1, float("inf"), float("nan"), True], "a number above 0"),
    "NOT_NEGATIVE": ([0, 0.01], [-1e-9, float("inf"), float("nan"), False], "a number of 0 or more"),
    "FRACTION": ([0, 0.999], [1, -0.1, float("nan"), False, "0.5"], r"a number in [0, 1)"),
    "PAIR_OF_FRACTIONS": ([(0, 0.9), [0.5, 0.5]], [(0.5,), (0, 1), 0.5, (0, 0, 0), None, ("0", "0")],
                          "two numbers, each in [0, 1)"),
    "FLAG": ([True, False], [0, 1, "true", None], "true or false"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKES)
def test_what_a_kind_takes(name):
    kind = getattr(options, name)
    taken, refused, needed = TAKES[name]
    assert kind.needed == needed
    assert all(kind.fits(value) for value in taken) and not any(kind.fits(value) for value in refused)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("WHOLE", "-12", -12), ("COUNT", "007", 7), ("NUMBER", "1e-3", 1e-3), ("POSITIVE", "5", 5.0),
        ("PAIR_OF_FRACTIONS", "0.5,0.999", (0.5, 0.999)), ("TEXT", "7", "7"),
    ],
)  # fmt: skip
def test_from_the_command_lines_text(kind, text, value):
    found = getattr(options, kind).parse(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("WHOLE", "1.5"), ("WHOLE", "²"), ("WHOLE", "1_000"), ("WHOLE", ""), ("WHOLE", "٣"), ("NUMBER", "ten"),
        ("PAIR_OF_FRACTIONS", "0.5;1"),
    ],
)  # fmt: skip
def test_text_that_is_no_value(kind, text):
    with pytest.raises(ValueError):
        getattr(options, kind).parse(text)


def test_a_value_that_is_found_out_later():
    assert or_none(options.COUNT).fits(None) and or_none(options.COUNT).fits(2) and not or_none(options.COUNT).fits(0)
    assert Mine(steps=None).steps is None
    with pytest.raises(ConfigError, match="^steps is 0, but must be a whole number of 1 or more$"):
        Mine(steps=0)


def test_the_first_that_does_not_fit_is_told():
    with pytest.raises(ConfigError, match=r"^gamma is 1.5, but must be a number in \[0, 1\)$"):
        Mine(gamma=1.5, width="wide")
    with pytest.raises(ConfigError, match="^width is 'wide', but must be a whole number$"):
        Mine(width="wide")
    with pytest.raises(ConfigError, match="^shape 'spiral' is not known: choose from ring, grid$"):
        Mine(shape="spiral")
    with pytest.raises(ConfigError, match=r"^shape \['ring'\] is not known: choose from ring, grid$"):
        Mine(shape=["ring"])


def test_a_registry_is_read_when_it_is_asked():
    """A name that is added later is known."""
    names = {"ring": 1}
    kind: Kind = one_of(names)
    assert not kind.fits("grid")
    names["grid"] = 2
    assert kind.fits("grid")


MODELS = "choose from quick28, mlp, dcgan28, dcgan64, face, .*"


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"model": "stylegan"}, f"model 'stylegan' is not known: {MODELS}"),
        ({"model": None}, f"model None is not known: {MODELS}"),
        ({"objective": "wgan"}, "objective 'wgan' is not known: choose from minimax, non-saturating, least-squares, "
                                "wasserstein, hinge, pearson, relativistic-average"),
        ({"optimizer": "lion"}, "optimizer 'lion' is not known: choose from adam, rmsprop, sgd"),
        ({"penalties": "r1"}, "penalties is 'r1', but must be names from gradient, r1, divergence, divergence-between, "
                              "drift, each alone or with a weight above 0, as in gradient:10"),
        ({"penalties": ("r1:0",)}, r"penalties is \('r1:0',\), but must be names from .*"),
        ({"weight_clip": -0.01}, "weight_clip is -0.01, but must be a number of 0 or more"),
        ({"n_critic": 0}, "n_critic is 0, but must be a whole number of 1 or more"),
        ({"n_critic": 2.0}, "n_critic is 2.0, but must be a whole number of 1 or more"),
        ({"lr_G": 0}, "lr_G is 0, but must be a number above 0"),
        ({"lr_D": float("nan")}, "lr_D is nan, but must be a number above 0"),
        ({"betas": (0.5, 1.0)}, r"betas is \(0.5, 1.0\), but must be two numbers, each in \[0, 1\)"),
        ({"eps": "small"}, "eps is 'small', but must be a number above 0"),
        ({"epsilon_hat": 1}, "epsilon_hat is 1, but must be true or false"),
    ],
    ids=str,
)  # fmt: skip
def test_each_option_of_a_gan_is_refused_with_one_sentence(chosen, said):
    with pytest.raises(ConfigError, match=f"^{said}$"):
        GAN(**chosen)


def test_where_both_networks_step_at_once_d_steps_once():
    with pytest.raises(ConfigError, match="^n_critic is 2, but where both networks step at once it must be 1$"):
        SimultaneousGAN(n_critic=2)

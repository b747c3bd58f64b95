"""The table of derivatives: every function is in it with its formula, and what it is made of is found."""

from __future__ import annotations

import pytest

from minigan import functions as F
from minigan.functions import derivatives

PUBLIC = derivatives.public_functions()


def is_formula(text: str) -> bool:
    return any(sign in text for sign in "=√²|−·+/<>()") and len(text) < 200


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_shows_a_formula(name):
    """Its own class' with the derivatives, or its own, and then the derivatives of what it is made of."""
    row = derivatives.row_of(PUBLIC[name])
    made = derivatives.made_of(PUBLIC[name], deep=False)
    classes = [derivatives.row_of(c) for c in made.classes if not c.__name__.startswith("_")]
    for of_class in classes:
        assert "=" in of_class.parts[0], f"{of_class.name} shows no formula"
        assert any(map(derivatives.has_derivative, of_class.parts)), f"{of_class.name} shows no derivative"
    if name.replace("_", "") not in {c.name.lower() for c in classes}:
        assert is_formula(row.parts[0]), f"{name} shows no formula"
        assert classes or made.functions, f"{name} is made of nothing"


def test_each_class_and_function_is_in_the_table_once():
    names = [row.name for row in derivatives.table()]
    assert len(set(names)) == len(names)
    assert {c.__name__ for c in derivatives.function_classes()} <= set(names)
    shown = {name.lower() for name in names}
    assert all(name in shown or name.replace("_", "") in shown for name in PUBLIC)
    assert not any(name.startswith("_") or name == "Function" for name in names)


@pytest.mark.parametrize(
    ("function", "classes", "called"),
    [
        (F.maximum, "Maximum MaskMul", ""),  # in its backward pass
        (F.conv2d, "Conv2d ConvTranspose2d ConvWeightGrad", ""),
        (F.add, "Add AddScalar", ""),  # handed to a helper
        (F.layer_norm, "BatchNorm BatchNormBackward", "reshape"),  # called by a helper
        (F.pixel_norm, "", "mean power"),
        (F.cross_entropy, "", "log_softmax mean sum"),  # two of them called by a helper, under other names
        (F.min, "Min Max MaskMul", ""),  # its base
    ],
)
def test_what_a_function_is_made_of(function, classes, called):
    made = derivatives.made_of(function)
    assert set(classes.split()) <= {c.__name__ for c in made.classes}
    assert sorted(made.functions) == sorted(called.split())


def test_what_a_function_calls_itself():
    for function, name in ((F.maximum, "Maximum"), (F.conv2d, "Conv2d"), (F.getitem, "GetItem")):
        assert [c.__name__ for c in derivatives.made_of(function, deep=False).classes] == [name]


def test_derivatives_may_stand_in_a_later_paragraph():
    class Twice(derivatives.Function):
        """y = 2 x

        x of any shape.

        dx = 2 dy
        """

    assert derivatives.row_of(Twice).parts == ("y = 2 x", "dx = 2 dy")
    assert derivatives.has_derivative("y = x  dγ  = dy") and not derivatives.has_derivative("y = dx")

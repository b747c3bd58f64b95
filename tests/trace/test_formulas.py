"""What a trace says of its functions is what stands in their docstrings."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from minigan import optim
from minigan.algorithms import GAN, Algorithm, SimultaneousGAN
from minigan.autograd import Function
from minigan.functions.convolution import Conv2d
from minigan.functions.derivatives import function_classes
from minigan.functions.normalization import BatchNorm
from minigan.trace import Trace
from minigan.trace.formulas import function_text, optimizer_text, step_texts
from minigan.trace.views.page import source

LESSONS = Path(__file__).resolve().parents[2] / "lessons"


def test_the_formulas_are_the_docstrings():
    text = function_text(Conv2d)
    assert text.forward == ("y[n,o,i,j] = Σ x[n,c,iS+kh−P,jS+kw−P] w[o,c,kh,kw] + b[o]",)
    assert text.backward == ("dx = transposed convolution of dy with w", "dw = Σₙᵢⱼ dy ⊗ windows of x", "db = Σₙᵢⱼ dy")
    file, line = text.place.split(":")
    assert file == "minigan/functions/convolution.py" and text.source == inspect.getsource(Conv2d)
    whole = (Path(__file__).resolve().parents[2] / file).read_text(encoding="utf-8").splitlines()
    assert whole[int(line) - 1] == "class Conv2d(_Convolution):"
    assert function_text(BatchNorm).forward == ("y = γ x̂ + β,  x̂ = (x − μ) r,  r = 1/√(v + ε)",)


def test_every_function_has_both():
    for function in function_classes():
        text = function_text(function)
        assert text.forward and text.backward, function.__name__
        assert all(part in re.sub(r"\s*\n\s*", "\n", function.__doc__) for part in text.forward + text.backward)


def test_every_optimiser_has_its_update():
    for optimizer in (optim.SGD, optim.RMSprop, optim.Adam):
        assert any("p ← p − lr" in line for line in optimizer_text(optimizer).forward)


class Cube(Function):
    """y = x³        dx = 3x² · dy"""


class Untold(Function):
    pass


def test_a_function_of_a_user_is_told_by_its_file_alone():
    text = function_text(Cube)
    assert (text.forward, text.backward) == (("y = x³",), ("dx = 3x² · dy",))
    assert re.fullmatch(r"test_formulas\.py:\d+", text.place)
    assert function_text(Untold).forward == ()  # not those of Function's own docstring
    scope = {"Function": Function}
    exec("class Typed(Function):\n    'y = x        dx = dy'", scope)
    assert function_text(scope["Typed"]).source == ""


def test_a_trace_tells_each_function_and_optimiser_once(gan, batch, traced):
    trace = traced(gan(), *batch())
    names = [text.name for text in trace.texts]
    assert sorted(names) == sorted(set(names))
    methods = {"GAN.step", "GAN.discriminator_turn", "GAN.generator_turn"}  # not its noise, which this test replaces
    assert set(names) == {f.name for layer in trace.layers for f in layer.functions} | {"Adam"} | methods
    assert Trace.from_json(json.dumps(json.loads(trace.to_json()))).texts == trace.texts


class Halved(SimultaneousGAN):
    def noise(self, batch):
        """Half of what the paper
        draws.

        More of it.
        """
        return super().noise(batch) * 0.5


class Lone(Algorithm):
    def step(self, batches):
        return {}


def test_a_step_is_told_by_the_methods_that_take_it():
    (step, of_D, of_G, noise) = step_texts(GAN())
    assert [each.name for each in (step, of_D, of_G)] == ["GAN.step", "GAN.discriminator_turn", "GAN.generator_turn"]
    assert noise.forward == ("z (N, z_dim), standard normal, for every sample of a batch",)
    assert of_G.source == inspect.getsource(GAN.generator_turn) and not (step.forward + of_G.forward + of_G.backward)
    assert re.fullmatch(r"minigan/algorithms/gan\.py:\d+", of_G.place)
    step, noise = step_texts(Halved())  # it inherits turns, and takes none
    assert (step.name, noise.name) == ("SimultaneousGAN.step", "Halved.noise")
    assert noise.forward == ("Half of what the paper draws",) and noise.place.startswith("test_formulas.py:")
    assert [each.name for each in step_texts(Lone())] == ["Lone.step"]


def test_the_page_calls_the_lessons_by_their_titles():
    told = source("texts.js").split("lessons: {")[1].split("},")[0]
    titles = dict(re.findall(r'(\d+): "([^"]+)"', told))
    files = {str(int(path.name[:2])): path.read_text(encoding="utf-8") for path in LESSONS.glob("[0-9]*_*.py")}
    assert titles == {n: re.search(r"^# # \d+\. (.+)$", text, re.MULTILINE)[1] for n, text in files.items()}

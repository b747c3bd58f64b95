"""What a mistake with tensors, gradients and graphs is told: what is wrong, and what to do."""

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn, optim

RAGGED = [[1.0, 2.0], [3.0]]


def leaf(*values, name=None):
    return mg.Tensor(list(values), requires_grad=True, name=name)


# --- tensors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mg.Tensor(None), TypeError, "cannot make a tensor of NoneType: use numbers, .* or arrays of them"),
        (lambda: mg.Tensor(object()), TypeError, "cannot make a tensor of object"),
        (lambda: mg.Tensor("text"), TypeError, "cannot make a tensor of str"),
        (lambda: mg.Tensor(np.array(["text"])), TypeError, "cannot make a tensor of an array of <U4"),
        (lambda: mg.Tensor([1.0], dtype="U3"), TypeError, "cannot make a tensor of an array of <U3"),
        (lambda: mg.Tensor(RAGGED), ValueError, "cannot make a tensor of this list: its rows differ in length"),
        (
            lambda: mg.Tensor([1, 2], requires_grad=True),
            TypeError,
            "only floating tensors can require a gradient; this one is int64: give it floats or dtype='float32'",
        ),
        (lambda: mg.Tensor([1j], requires_grad=True), TypeError, "only floating .*; this one is complex128"),
        (lambda: mg.Tensor([1j], dtype="float32"), TypeError, "complex128 cannot become float32: .* imaginary part"),
        (lambda: leaf(1.0).to(dtype="int32"), TypeError, "only floating tensors can require a gradient"),
        (lambda: mg.Tensor([1.0], device="tpu"), ValueError, "device 'tpu' is not known: use 'cpu', 'gpu' or 'gpu:N'"),
    ],
)
def test_what_cannot_be_a_tensor(make, error, message):
    with pytest.raises(error, match="^" + message):
        make()


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (
            lambda t: t.item(),
            ValueError,
            r"tensor 'w' of shape \(2,\) holds 2 numbers; .* take \.mean\(\) or \.sum\(\)",
        ),
        (float, ValueError, r"tensor 'w' of shape \(2,\) holds 2 numbers; only one can be read as a Python number"),
        (bool, ValueError, r"tensor 'w' of shape \(2,\) holds 2 numbers; only one can be true or false: .* \.any\(\)"),
        (lambda t: bool(t[:0]), ValueError, r"tensor of shape \(0,\) holds 0 numbers"),
        (
            lambda t: len(t.sum()),
            TypeError,
            r"tensor of shape \(\) is a single number and has no length: .* \.item\(\)",
        ),
        (
            lambda t: t.copy_(np.ones(3)),
            ValueError,
            r"tensor 'w' of shape \(2,\) cannot take the values of an array of shape \(3,\)",
        ),
        (lambda t: t.copy_("text"), TypeError, "cannot make a tensor of str"),
        (
            lambda t: setattr(t, "data", np.ones(3)),
            ValueError,
            r"tensor 'w' of shape \(2,\) cannot take data of shape \(3,\): the shapes must be equal",
        ),
        (lambda t: setattr(t, "data", RAGGED), ValueError, "cannot make a tensor of this list"),
    ],
)
def test_what_a_tensor_cannot_do(use, error, message):
    t = leaf(1.0, 2.0, name="w")
    with pytest.raises(error, match="^" + message):
        use(t)
    assert t.numpy().tolist() == [1, 2]
    x = leaf(3.0, 4.0)
    (x * t).sum().backward()  # and it does not count as changed


# --- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (
            lambda x: (x * 2).backward(),
            mg.GraphError,
            r"backward needs the cotangent of tensor of shape \(2,\): only a single number .* \.mean\(\) or \.sum\(\)",
        ),
        (
            lambda x: x.detach().sum().backward(),
            mg.GraphError,
            r"tensor of shape \(\) has no gradient: nothing that made it requires one.* requires_grad=True, and",
        ),
        (
            lambda x: (x * 2).backward(np.ones(3)),
            ValueError,
            r"the cotangent has shape \(3,\), but must have its output's, \(2,\)",
        ),
        (
            lambda x: (x * 2).backward(mg.Tensor(np.ones(2))),
            TypeError,
            "the cotangent has dtype float64, but must have its output's, float32",
        ),
        (
            lambda x: (x * 2).backward("ones"),
            TypeError,
            r"the cotangent of tensor of shape \(2,\): cannot make a tensor",
        ),
        (lambda x: (x * 2).backward(RAGGED), ValueError, r"the cotangent of tensor .*: its rows differ in length"),
        (lambda x: (x * 2).backward([1j, 1j]), TypeError, "the cotangent of tensor .* lose its imaginary part"),
        (lambda x: mg.grad(3.0, x), TypeError, "grad: output 0 must be a Tensor, not float"),
        (lambda x: mg.grad(x.sum(), [x, np.ones(2)]), TypeError, "grad: input 1 must be a Tensor, not ndarray"),
        (lambda x: mg.grad(x.sum(), None), TypeError, "grad: input 0 must be a Tensor, not NoneType"),
        (lambda x: mg.grad(x * 2, x, [1.0, 1.0]), ValueError, "grad: 2 grad_outputs were given for 1 outputs"),
        (
            lambda x: mg.grad(x.sum(), mg.Tensor([1.0], name="c")),
            mg.GraphError,
            r"the outputs do not depend on input 0 \(tensor 'c' of shape \(1,\)\), which requires no gradient: make it",
        ),
        (
            lambda x: mg.grad(x.sum(), leaf(1.0)),
            mg.GraphError,
            r"the outputs do not depend on input 0 \(tensor of shape \(1,\)\): was it detached, .*allow_unused=True",
        ),
    ],
)
def test_gradients_that_cannot_be_had(attempt, error, message):
    with pytest.raises(error, match="^.*" + message):
        attempt(leaf(1.0, 2.0))


def test_a_cotangent_on_another_device(elsewhere):
    y, dy = leaf(1.0, 2.0) * 2, elsewhere(np.ones(2, "float32"))
    message = f"the cotangent is on {dy.device}, but must be where its output is, {y.device}"
    with pytest.raises(mg.DeviceError, match=message):
        y.backward(dy)


# --- a graph that was walked ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Sum", lambda a, b: (a + b).sum()),
        ("Add", lambda a, b: a + b),
        ("MulScalar", lambda a, b: a * 3.0),
        ("Reshape", lambda a, b: a.reshape(1, 1)),
        ("Mul", lambda a, b: a * b),
    ],
)
@pytest.mark.parametrize("by", ["backward", "grad"])
def test_a_second_pass_whether_or_not_the_function_had_saved_anything(name, function, by):
    a, b = leaf(2.0), leaf(3.0)
    y = function(a, b)
    walk = y.backward if by == "backward" else lambda retain_graph=False: mg.grad(y, a, retain_graph=retain_graph)
    walk(retain_graph=True)
    walk()
    before = None if a.grad is None else a.grad.item()
    with pytest.raises(
        mg.GraphError,
        match=rf"^{name} was differentiated once already, .*: pass retain_graph=True to the first backward, or",
    ):
        walk()
    assert before is None or a.grad.item() == before


def test_two_losses_whose_graphs_share_a_sum():
    a, b = leaf(2.0), leaf(3.0)
    shared = a + b
    first, second = shared * 2.0, shared * 3.0
    first.backward()
    with pytest.raises(mg.GraphError, match="^Add was differentiated once already"):
        second.backward()


def test_what_lies_before_the_input_asked_for_is_not_walked_and_stays():
    a = leaf(2.0)
    h = a * a
    mg.grad((h + 1.0).sum(), h)
    h.backward()
    assert a.grad.item() == 4


# --- what a user's backward returns --------------------------------------------------------------


def broadcasting(gradient):
    """y = a + b, with da as `gradient` makes it of dy."""

    class Wrong(mg.Function):
        def forward(self, a, b):
            return a + b

        def backward(self, dy):
            return gradient(dy), dy

    return Wrong


@pytest.mark.parametrize(
    ("shape", "gradient", "message"),
    [
        (
            (3,),
            lambda dy: dy,
            r"Wrong\.backward returned shape \(2, 3\) for input 0, which has shape \(3,\)\. forward broadcast it: .*"
            r"summed over the broadcast axes\. Return functions\.sum_to\(gradient, \(3,\)\)$",
        ),
        (
            (2, 1),
            lambda dy: dy,
            r"shape \(2, 3\) for input 0, which has shape \(2, 1\)\. .*sum_to\(gradient, \(2, 1\)\)$",
        ),
        ((), lambda dy: dy, r"shape \(2, 3\) for input 0, which has shape \(\)\. .*sum_to\(gradient, \(\)\)$"),
        (
            (2, 3),
            lambda dy: dy.T,
            r"returned shape \(3, 2\) for input 0, which has shape \(2, 3\)\. .*: is a transpose",
        ),
        ((2, 3), lambda dy: dy.sum(0), r"shape \(3,\) for input 0, which has shape \(2, 3\)\. If forward summed"),
        (
            (2, 3),
            lambda dy: dy.to(dtype="float64"),
            r"returned float64 for input 0, which is float32: keep to the cotangent's dtype",
        ),
        (
            (2, 3),
            lambda dy: dy.data,
            r"must return Tensors, but gradient 0 is ndarray: .* can be differentiated again$",
        ),
    ],
)
def test_a_backward_that_returns_the_wrong_thing(shape, gradient, message):
    a, b = (mg.Tensor(np.ones(s, "float32"), requires_grad=True) for s in (shape, (2, 3)))
    y = broadcasting(gradient)()(a, b).sum()
    with pytest.raises(mg.GraphError, match=message):
        y.backward()


def test_the_advice_about_broadcasting_is_right():
    a, b = leaf(1.0, 2.0, 3.0), mg.Tensor(np.ones((2, 3), "float32"), requires_grad=True)
    broadcasting(lambda dy: F.sum_to(dy, (3,)))()(a, b).sum().backward()
    assert a.grad.numpy().tolist() == [2, 2, 2]


def test_a_functions_own_names_of_its_inputs_are_told():
    class Blend(mg.Function):
        def forward(self, image, *others):
            return image

    for inputs, message in [
        ((np.ones(2), np.ones(2, "float32")), r"Blend: image of shape \(2,\) is float64, but input 1 .* is float32"),
        (("text",), "Blend: image: cannot make a tensor of str"),
        ((np.ones(2), "text"), "Blend: input 1: cannot make a tensor of str"),
    ]:
        with pytest.raises(TypeError, match="^" + message):
            Blend()(*inputs)


# --- what came between ---------------------------------------------------------------------------


def load(w):
    holder = nn.Module()
    holder.weight = w
    holder.load_state_dict({"weight": np.zeros((2, 2), "float32")})


def step(make):
    def change(w):
        w.grad = mg.Tensor(np.ones((2, 2), "float32"))
        make([w]).step()

    return change


def assign(w):
    w.data = np.zeros((2, 2))


def add(w):
    w.data += 1


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (step(optim.SGD), "SGD.step()"),
        (step(optim.RMSprop), "RMSprop.step()"),
        (step(optim.Adam), "Adam.step()"),
        (load, "load_state_dict()"),
        (assign, "an assignment to its .data"),
        (add, "an assignment to its .data"),
        (lambda w: w.copy_(0.0), "copy_()"),
        (nn.init.zeros_, "nn.init.constant_()"),
        (nn.init.normal_, "nn.init.normal_()"),
        (nn.init.orthogonal_, "nn.init.orthogonal_()"),
    ],
)
def test_a_stale_weight_is_named_with_what_changed_it_and_what_to_do(change, cause):
    w = nn.Parameter(np.ones((2, 2), "float32"), name="D.main.0.weight")
    y = F.dense(mg.Tensor(np.ones((1, 2), "float32"), requires_grad=True), w).sum()
    change(w)
    with pytest.raises(mg.StaleTensorError) as caught:
        y.backward()
    message = str(caught.value)
    assert message.startswith("Dense saved tensor 'D.main.0.weight' of shape (2, 2) for its backward pass, but it was")
    assert f"(1 time, last by {cause})" in message
    assert "Compute the output again after the change (for a GAN: call D(fake) afresh after D's optimiser" in message


def test_a_stale_running_average():
    norm = nn.BatchNorm(3).eval()
    x = mg.Tensor(np.arange(12.0, dtype="float32").reshape(4, 3))
    y = norm(x).sum()
    norm.train()
    norm(x)
    with pytest.raises(mg.StaleTensorError, match=r"^Mul saved tensor .*last by batch_norm's running average\)"):
        y.backward()

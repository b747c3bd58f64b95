"""The trace in the terminal: its numbers, its borders, its width, its signs and its keys."""

from __future__ import annotations

import dataclasses
import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import backend
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.cli import main
from minigan.data import DataInfo
from minigan.trace import Recorder
from minigan.trace.views.table import Console, LogScale, Row, bar, sparkline, table
from minigan.trace.views.terminal import pages, step_through, trace_text

pytestmark = pytest.mark.host_only("texts of numbers that were recorded; test_recorder.py records on a device")

NUMBER = re.compile(r"(?<![\w.×])-?\d+\.\d+(?:e[+-]?\d+)?(?![\w.×])")


@pytest.fixture(params=["alternating", "simultaneous", "mlp"])
def trace(request, gan, batch, traced):
    if request.param != "mlp":
        cls = {"alternating": GAN, "simultaneous": SimultaneousGAN}[request.param]
        return traced(gan(cls), *batch(), model="small")
    mlp = GAN(model="mlp").build(DataInfo({"x": (1, 28, 28)}), device=backend.get_default_device())
    x = mg.Tensor(batch()[0].data.repeat(5, 2).repeat(5, 3)[:, :, :28, :28])
    z = mg.Tensor(batch()[1].data.repeat(11, 1)[:, : mlp.z_dim], name="z")
    return traced(mlp, x, z, model="mlp")


@pytest.fixture
def alternating(gan, batch, traced):
    return traced(gan(), *batch(), model="small")


def drawn(trace, width=160):
    """The pages, each as its lines."""
    return [page.lines for page in pages(trace, Console(width))]


def rows(lines, names):
    """The lines whose first word is one of these names, as words."""
    return [words for line in lines if (words := line.split()) and words[0] in names]


def norm(array):
    return f"{array.norm:.4g}"


# --- numbers -------------------------------------------------------------------------------------


def test_the_forward_pages_show_each_layers_numbers_in_order(trace):
    shown = [row for page in drawn(trace) if "forward through" in page[0] for row in rows(page, _names(trace))]
    expected = [
        (lay.name, norm(lay.output), f"{lay.output.mean:.4g}", f"{lay.output.std:.4g}")
        for call in trace.calls
        for lay in (trace.layers[i] for i in call.layers)
    ]
    assert [(row[0], *row[3:6]) for row in shown] == expected


def test_the_backward_pages_show_each_layers_numbers_in_order(trace):
    shown = [row for page in drawn(trace) if "backward from" in page[0] for row in rows(page, _names(trace))]
    ordered = [trace.layer_backwards[f.layer_backward] for f in trace.frames if f.layer_backward is not None]
    expected = []
    for back in ordered:
        layer = trace.layers[back.layer]
        if layer.owner != "loss":
            out = back.grad_inputs[0]
            expected.append((layer.name, norm(layer.output), norm(back.grad_output), norm(out) if out else "–"))
    assert [(row[0], *row[3:6]) for row in shown] == expected


def _names(trace):
    return {layer.name for layer in trace.layers if layer.owner != "loss"}


def test_shares_of_zeros_histograms_and_bars_are_those_of_the_layers(alternating):
    def lines(kind):
        names = _names(alternating)
        return [line for page in drawn(alternating) if kind in page[0] for line in page if line.split()[:1] and
                line.split()[0] in names]  # fmt: skip

    forward = [alternating.layers[f.layer] for f in alternating.frames if f.direction == "forward"]
    for line, layer in zip(lines("forward through"), forward, strict=True):
        assert line.endswith(sparkline(layer.output.histogram.counts).rstrip())
        assert (f" {layer.output.zeros:.0%} " in line) == (layer.output.zeros > 0)
    backward = [alternating.layer_backwards[f.layer_backward] for f in alternating.frames if f.direction == "backward"]
    backward = [b.grad_inputs[0] for b in backward if alternating.layers[b.layer].owner != "loss"]
    lengths = []
    for line, dx in zip(lines("backward from"), backward, strict=True):
        shown = f" {dx.zeros:.0%}" if dx is not None and dx.zeros else " computed"
        assert line.endswith(shown) or shown == " computed" and not line.endswith("%")
        lengths.append((0 if dx is None else dx.norm, 2 * line.count("━") + line.count("╸")))
    assert [n for _, n in sorted(lengths)] == sorted(n for _, n in lengths), "longer for more"
    assert any(" 5" in line for line in lines("forward through")) and len(set(lengths)) > 4


def test_the_first_page_tells_the_range_of_an_update_s_ratios(alternating):
    first = drawn(alternating)[0]
    for update in alternating.updates:
        ratios = [p.ratio for p in update.parameters if p.ratio]
        line = next(line for line in first if f"update of {update.owner} by Adam" in line)
        assert line.endswith(f"ratio {min(ratios):.2g} … {max(ratios):.2g}") and min(ratios) < max(ratios)


def test_a_loss_sends_a_gradient_to_each_verdict(alternating):
    page = next(p for p in drawn(alternating) if "backward from loss_D" in p[0])
    back = alternating.layer_backwards[0]
    to_real, to_fake = (norm(dx) for dx in back.grad_inputs if dx is not None)
    arrows = [line.split() for line in page if line.startswith("  →")]
    assert [(a[1], a[3]) for a in arrows] == [("D(x)", to_real), ("D(G(z))", to_fake)]


def test_what_became_of_the_parameters_gradients(alternating, gan, batch, traced):
    n_d, n_g = (len(gan().networks[name].parameters()) for name in "DG")
    for_d, for_g = (next(p for p in drawn(alternating) if f"backward from loss_{who}" in p[0]) for who in "DG")
    assert f"D's parameter gradients: {n_d} computed." in for_d
    assert (
        f"D's parameter gradients: {_count(alternating, 'loss_G', 'frozen')} frozen: they require no gradient now, "
        in (" ".join(for_g) + " ")
    )
    assert f"G's parameter gradients: {n_g} computed." in for_g
    at_once = traced(gan(SimultaneousGAN), *batch())
    asked = f"D's parameter gradients: {_count(at_once, 'loss_G', 'not asked')} not asked for"
    assert asked in " ".join(next(p for p in drawn(at_once) if "backward from loss_G" in p[0]))


def _count(trace, walk, status):
    """Of how many parameters that walk says this."""
    found = {
        p.name
        for back in trace.layer_backwards
        for p in back.parameters
        if trace.backward_passes[back.backward_pass].label == walk and p.status == status
    }
    assert len(found) >= 4
    return len(found)


def test_the_update_pages_show_the_changes_and_their_ratios(trace):
    updates = [page for page in drawn(trace) if "update of" in page[0]]
    for page, update in zip(updates, trace.updates, strict=True):
        assert f"learning rate {update.lr:g}" in page
        expected = [
            [norm(p.weight), norm(p.gradient), f"{p.update:.4g}", "from" if p.ratio is None else f"{p.ratio:.4g}"]
            for p in update.parameters
        ]
        assert [row[2:6] for row in rows(page, {p.name for p in update.parameters})] == expected


def test_the_objectives_are_compared(alternating):
    page = drawn(alternating)[-1]
    shown = rows(page, {c.objective for c in alternating.comparisons})
    assert len(shown) == len(alternating.comparisons)
    as_it_is = {}
    for row, c in zip(shown, alternating.comparisons, strict=True):
        assert row[0] == c.objective and " ".join(row).startswith(
            f"{c.objective} {c.formula} {c.loss:.4g} {norm(c.gradient)}"
        )
        first = as_it_is.setdefault(c.objective, c.gradient.norm)
        assert (f" {c.gradient.norm / first:.4g} " in " ".join(row) + " ") or not c.logit_shift
    assert any(
        f"D as it is: G(z) is real with probability {alternating.comparisons[0].real_probability:.4g}" == line
        for line in page
    )


def test_numbers_that_are_not_finite_are_marked(alternating):
    first = alternating.layers[0]
    bad = dataclasses.replace(first, output=dataclasses.replace(first.output, nans=2))
    broken = dataclasses.replace(alternating, layers=(bad, *alternating.layers[1:]))
    page = next(p for p in drawn(broken) if "forward through G(z)" in p[0])
    assert rows(page, {first.name})[0][3] == norm(first.output) + "!"
    assert page[-1].startswith("!: NaN or Inf")
    assert not any("!" in line for page in drawn(alternating) for line in page)


# --- the border ----------------------------------------------------------------------------------


def test_the_door_is_drawn_between_d_and_g(alternating):
    page = next(p for p in drawn(alternating) if "backward from loss_G" in p[0])
    door = next(c for c in alternating.border_gradients if c.kind == "carried")
    at = page.index("max|∂L/∂D.input − ∂L/∂G.output| = 0.0")
    assert page[at - 3].startswith("══ the door ══")
    assert page[at - 2].strip() == f"‖∂L/∂D.input‖ = {door.at_input.norm:.9g}"
    assert page[at - 1].strip() == f"‖∂L/∂G.output‖ = {door.at_output.norm:.9g}"
    assert set(page[at + 1]) == {"═"}
    owners = [line[0] for line in page if re.match(r"[GD]\.main", line)]
    assert "".join(owners) == "D" * 6 + "G" * 6
    assert page[at - 4].startswith("D.main.0") and page[at + 3].startswith("G.main.5")


def test_a_difference_at_the_door_is_not_hidden(alternating):
    gradients = [
        dataclasses.replace(c, difference=1.25e-7) if c.kind == "carried" else c for c in alternating.border_gradients
    ]
    wrong = dataclasses.replace(alternating, border_gradients=tuple(gradients))
    assert "max|∂L/∂D.input − ∂L/∂G.output| = 1.25e-07" in trace_text(wrong, 80)
    assert "the door: difference 1.25e-07" in trace_text(wrong, 80)
    narrow = trace_text(wrong, 40)
    assert "1.25e-07" in narrow and max(map(len, narrow.splitlines())) <= 40


def test_the_wall_is_drawn_where_the_gradient_stops(trace):
    page = next(p for p in drawn(trace) if "backward from loss_D" in p[0])
    wall = next(c for c in trace.border_gradients if c.kind == "detached")
    at = next(i for i, line in enumerate(page) if "the wall" in line)
    assert page[at - 2].strip() == f"‖∂L/∂D.input‖ = {wall.at_input.norm:.9g} arrives"
    assert set(page[at - 1]) == set(page[at + 1]) == {"┬", "┴"}
    assert page[at + 2].strip() == "0 into G"


def test_when_steps_are_simultaneous_the_gradient_waits_at_the_door(gan, batch, traced):
    trace = traced(gan(SimultaneousGAN), *batch())
    told = drawn(trace)
    door = next(c for c in trace.border_gradients if c.kind == "carried")
    page = next(p for p in told if "backward from loss_G" in p[0])
    assert f"‖∂L/∂D.input‖ = {door.at_input.norm:.9g} waits at the door" in page
    on = next(p for p in told if "backward from ∂loss_G/∂G(z)" in p[0])
    assert "max|∂L/∂D.input − ∂L/∂G.output| = 0.0" in on


def test_an_open_border_and_no_update_are_drawn_too(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks) as recorder:
        networks["D"](networks["G"](z)).mean().backward()
    text = trace_text(recorder.trace, 80)
    assert "══ the border ══" in text and "max|∂L/∂D.input − ∂L/∂G.output| = 0.0" in text


# --- fitting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 50, 80, 120])
def test_no_line_is_wider_than_it_may_be_and_no_number_is_cut(trace, width):
    text = trace_text(trace, width)
    assert max(map(len, text.splitlines())) <= width
    assert all(line == line.rstrip() for line in text.splitlines())
    assert set(NUMBER.findall(text)) <= set(NUMBER.findall(trace_text(trace, 200)))
    for back in trace.layer_backwards:  # the most important column is there
        assert norm(back.grad_output) in text


def test_below_forty_columns_it_is_as_for_forty(alternating):
    assert trace_text(alternating, 7) == trace_text(alternating, 40)


def test_columns_go_in_the_order_of_their_importance():
    ranks = {"layer": 0, "b": 2, "c": 1}
    row = Row({"layer": "x" * 20, "b": "1234567890", "c": "0987654321"})
    assert table(Console(44), ranks, [row])[1].split() == ["x" * 20, "1234567890", "0987654321"]
    shortened = [".." + "x" * 14, "1234567890", "0987654321"]
    assert table(Console(40), ranks, [row])[1].split() == shortened
    more = table(Console(44), {**ranks, "d": 3}, [Row(row.cells | {"d": "5"})])
    assert more[1].split()[1:] == ["1234567890", "0987654321"]


@given(
    st.integers(40, 130),
    st.lists(st.tuples(*[st.text("abcdef.G", max_size=60)] * 2, *[st.floats(-1e9, 1e9)] * 5), min_size=1, max_size=4),
)
def test_any_table_fits(width, values):
    headings = ["layer", "kind", *(f"{key}\nheading" for key in "cdefg")]
    ranks = dict(zip(headings, [0, 5, 1, 4, 2, 3, 6], strict=True))
    cells = [[*(v if isinstance(v, str) else f"{v:.4g}" for v in row)] for row in values]
    lines = table(Console(width), ranks, [Row(dict(zip(headings, row, strict=True))) for row in cells])
    assert max(map(len, lines)) <= width
    for line, row in zip(lines[2:], cells, strict=True):
        assert set(re.findall(r"-?\d\S*", line)) <= set(row)


def test_a_column_has_room_for_signs_that_become_longer():
    console = Console(60, signs=lambda text: text.replace("½", "1/2"))
    rows = [Row({"layer": "½", "kind": "½ ½"}), Row({"layer": "1", "kind": ""})]
    assert table(console, {"layer": 0, "kind": 1}, rows)[1:] == ["1/2    1/2 1/2", "1"]


def test_names_stand_on_the_left_and_numbers_on_the_right_below_their_headings():
    rows = [Row({"layer": "a", "mean\nvalue": "1.25"}), Row({"layer": "longer", "mean\nvalue": "-1234.5"})]
    assert table(Console(40), {"layer": 0, "mean\nvalue": 1}, rows) == [
        "           mean", "layer     value", "a          1.25", "longer  -1234.5",
    ]  # fmt: skip


def test_a_row_can_be_drawn_across_all_columns():
    lines = table(Console(40), {"a": 0}, [Row({"a": "1"}), ["=" * 40], Row({"a": "2"})])
    assert lines == ["a", "1", "=" * 40, "2"]


def test_a_bar_is_empty_only_for_nothing():
    assert bar(0.0, 10) == "" and bar(1e-9, 10) == "╸" and bar(0.5, 10) == "━━━━━" and bar(1.0, 10) == "━" * 10


def test_a_scale_holds_whole_decades():
    scale = LogScale([0.0, 0.02, 3.0])
    assert str(scale).split("\n")[1] == "0.01 … 10"
    assert [scale.share(x) for x in (0.0, 0.1, 10.0)] == pytest.approx([0.0, 1 / 3, 1.0])
    assert LogScale([]).share(1.0) == pytest.approx(0.0, abs=1e-6)


def test_a_sparkline_shows_the_few_too():
    assert sparkline([100, 0, 1, 25], 4) == "█ ▁▅"
    assert sparkline([0, 0, 0, 0], 4) == "    "
    assert len(sparkline([1] * 24)) == 12


# --- the terminal --------------------------------------------------------------------------------


def test_piped_all_pages_are_printed_at_once_without_colours(alternating, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    step_through(alternating)
    out = capsys.readouterr().out
    assert "\033" not in out and "Enter" not in out
    assert out.rstrip("\n") == trace_text(alternating, 80).rstrip("\n")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_on_a_terminal_there_are_colours_unless_they_are_not_wanted(
    alternating, capsys, monkeypatch, no_color, coloured
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "50")
    step_through(alternating)
    out = capsys.readouterr().out
    assert ("\033[" in out) == coloured
    plain = re.sub(r"\033\[[\d;]*m", "", out)
    assert plain.rstrip("\n") == trace_text(alternating, 50).rstrip("\n")
    assert "\033" not in trace_text(alternating, 50)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_signs_that_the_terminal_has_not_are_replaced(alternating, monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, write_through=True))
    monkeypatch.setenv("COLUMNS", "40")
    step_through(alternating)
    text = written.getvalue().decode(encoding)
    assert max(map(len, text.splitlines())) <= 40
    assert "?" not in text
    if encoding == "ascii":
        assert "max|dL/dD.input - dL/dG.output| = 0.0" in text and "|_|_ the wall |_|" not in text
        assert re.search(r"[|_]{2} the wall [|_]{9}", text)


def test_stepping_with_keys(alternating, capsys, keys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    titles = [lines[0] for lines in drawn(alternating, 100)]
    count = len(titles)
    keys("", "", "b", str(count), "3", "q")
    step_through(alternating)
    out = capsys.readouterr().out
    seen = [line for line in out.splitlines() if line in titles]
    assert seen == [titles[0], titles[1], titles[2], titles[1], titles[-1], titles[2]]


def test_the_first_page_says_where_the_others_are(alternating):
    first, *others = drawn(alternating)
    for number, page in enumerate(others, 2):
        line = next(line for line in first if line.split()[:1] == [str(number)])
        what = page[0].strip("─ ").split(": ", 1)[-1]
        assert what in line
    assert "small" in first[0] and "batch: 5" in first[1]
    assert any("the wall: 0 into G" in line for line in first)
    assert any("the door: difference 0.0" in line for line in first)


@pytest.mark.parametrize("width", [40, 60])
def test_where_there_is_little_room_the_first_page_says_it_in_two_lines(alternating, width):
    first = drawn(alternating, width)[0]
    for number, page in enumerate(pages(alternating, Console(width))[1:], 2):
        at = next(i for i, line in enumerate(first) if line.split()[:1] == [str(number)])
        assert first[at].split(maxsplit=1)[1] == (f"{page.turn[0]}: " if page.turn else "") + page.what
        assert not page.result or first[at + 1].strip() == page.result
    assert any(line.strip() == "the door: difference 0.0" for line in first)


def test_the_steps_own_objective_is_named(alternating):
    door = next(c for c in alternating.border_gradients if c.kind == "carried")
    said = f"The step's own is non-saturating: {door.at_input.norm:.9g} arrived."
    assert said in " ".join(drawn(alternating)[-1])
    moved = [
        dataclasses.replace(c, gradient=dataclasses.replace(c.gradient, norm=1.5)) for c in alternating.comparisons
    ]
    assert "The step's own" not in " ".join(drawn(dataclasses.replace(alternating, comparisons=tuple(moved)))[-1])


def test_minigan_trace_text_shows_it_and_writes_a_file_only_if_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["trace", "--model", "mlp", "--text"]) == 0
    out = capsys.readouterr().out
    assert "── a training step of mlp ──" in out and "max|∂L/∂D.input − ∂L/∂G.output| = 0.0" in out
    assert not list(tmp_path.iterdir())
    assert main(["trace", "--model", "mlp", "--text", "--out", "t.json"]) == 0
    assert (tmp_path / "t.json").is_file()

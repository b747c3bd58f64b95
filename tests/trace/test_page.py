"""The page of a trace: whole in itself, equal to the trace, and at hand for everyone.

The second half looks at it in a browser, and is skipped where there is none (`pip install minigan[browser]`
brings Playwright, the system brings Chromium).
"""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from test_algorithms import CycleGAN, recorded

import minigan as mg
from minigan import nn
from minigan.cli import main
from minigan.trace import Recorder, Trace
from minigan.trace.views.page import inlined, show_page, trace_page, write_page
from minigan.training import Config
from minigan.training.recording import trace_fresh

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> &amp; \u2028 <!--"


def _traced(model, **changes):
    return trace_fresh(Config.for_model(model, **changes))


@pytest.fixture(scope="module")
def trace():
    return _traced("dcgan28", batch_size=8)


@pytest.fixture(scope="module")
def small():
    """As many frames, but of a multilayer perceptron, and of both players at once."""
    return _traced("mlp", batch_size=8, algorithm="simultaneous-gan")


def _embedded(page):
    return re.search(r'<script type="application/json" id="trace">(.*?)</script>', page, re.DOTALL).group(1)


def _hostile(trace):
    frames = (dataclasses.replace(trace.frames[0], title=HOSTILE, note=HOSTILE), *trace.frames[1:])
    return dataclasses.replace(trace, about=trace.about | {"model": HOSTILE, "objective": HOSTILE}, frames=frames)


# --- without a browser ---------------------------------------------------------------------------


class _Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def _elements(page):
    parser = _Elements()
    parser.feed(page)
    return parser.found


def test_the_page_needs_nothing_from_elsewhere(trace):
    page = trace_page(trace)
    for tag, attributes in _elements(page):
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w/.]*", page.replace(_embedded(page), "")))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not a place
    assert not re.search(r"@import|url\((?!#)|\b(fetch|XMLHttpRequest|WebSocket|importScripts|sendBeacon)\b", page)


def test_the_policy_allows_this_script_and_nothing_else(trace):
    page = trace_page(trace)
    meta = [a["content"] for t, a in _elements(page) if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(meta) == 1
    policy = dict(part.split(" ", 1) for part in meta[0].split("; "))
    assert policy["default-src"] == "'none'" and policy["img-src"] == "data:"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy["style-src"])
    assert not re.search(
        r"<[^>]*\s(on\w+|style)=", page.split("<style>")[0] + page.split("</style>")[1].split("<script")[0]
    )


def test_a_step_of_dcgan28_takes_less_than_a_megabyte(trace):
    assert len(trace_page(trace).encode()) < 1_000_000


def test_the_numbers_in_the_page_are_the_trace(trace, tmp_path):
    write_page(trace, tmp_path / "step.html")
    page = (tmp_path / "step.html").read_text(encoding="utf-8")
    assert Trace.from_json(_embedded(page)) == trace


def test_what_is_inlined_is_the_same_json_without_html():
    value = {HOSTILE: [HOSTILE, 1.5]}
    text = inlined(json.dumps(value))
    assert json.loads(text) == value
    assert not set("<>&") & set(text)


def test_hostile_words_stay_words(small):
    page = trace_page(_hostile(small))
    assert page.count("<script") == 2 == page.count("</script>")
    assert not any(tag == "img" for tag, _ in _elements(page))
    assert Trace.from_json(_embedded(page)).about["model"] == HOSTILE


def test_the_command_writes_the_page_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["trace", "--model", "mlp", "--html", "step.html"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["step.html"]
    page = (tmp_path / "step.html").read_text(encoding="utf-8")
    assert page == trace_page(Trace.from_json(_embedded(page)))


def test_a_notebook_shows_the_page_in_a_frame(small):
    pytest.importorskip("IPython")
    ((_, attributes),) = [e for e in _elements(show_page(small).data) if e[0] == "iframe"]
    assert attributes["srcdoc"] == trace_page(small)
    assert attributes["sandbox"] == "allow-scripts"


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a trace's page. At the end: no error was written, and nothing was asked of a network."""
    contexts, trouble = [], []

    def open_(trace, at="", notebook=False, **options):
        path = tmp_path / "page.html"
        write_page(trace, path)
        if notebook:
            path.write_text(f"<!doctype html><meta charset=utf-8>{show_page(trace).data}", encoding="utf-8")
        context = browser.new_context(**({"reduced_motion": "reduce"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "about:")) else trouble.append(r.url))
        page.goto(f"file://{path}{at}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not trouble


SHOWN = """() => ({
    hash: location.hash, title: document.getElementById("title").textContent,
    spoken: document.getElementById("spoken").textContent,
    numbers: [...document.querySelectorAll("#content data")].filter((d) => d.value !== "").map((d) => Number(d.value)),
    lit: document.querySelectorAll("#drawing .now").length,
    wide: document.documentElement.scrollWidth > innerWidth,
})"""


def _to_be_shown(trace, frame):
    """The numbers that one must see in a frame."""
    if frame.update is not None:
        return [n for p in trace.updates[frame.update].parameters for n in (p.weight.norm, p.update, p.ratio)]
    arrays = [frame.grad_output, frame.grad_input] if frame.border_gradient is not None else [
        frame.input, frame.output, frame.grad_output, frame.grad_input
    ]  # fmt: skip
    numbers = [n for a in arrays if a is not None for n in ((a.norm, a.zeros) if a.shape else (a.mean,))]
    if frame.border_gradient is not None:
        gradient = trace.border_gradients[frame.border_gradient]
        numbers += [gradient.norm_into, gradient.difference]
    if frame.layer_backward is not None:
        numbers += [
            p.gradient.norm for p in trace.layer_backwards[frame.layer_backward].parameters if p.gradient is not None
        ]
    return numbers


@pytest.mark.parametrize("which", ["trace", "small"])
def test_every_frame_is_reached_by_keys_and_shows_the_traces_numbers(which, request, open_page):
    trace = request.getfixturevalue(which)
    page = open_page(trace, viewport={"width": 320, "height": 640} if which == "small" else None)
    for number, frame in enumerate(trace.frames, 1):
        shown = page.evaluate(SHOWN)
        assert (shown["hash"], shown["title"]) == (f"#{number}", frame.title)
        assert frame.title in shown["spoken"] and shown["lit"] and not shown["wide"]
        assert {n for n in _to_be_shown(trace, frame) if n is not None} <= set(shown["numbers"]), (number, frame.title)
        page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN)["hash"] == f"#{len(trace.frames)}"
    for key, at in (("Home", 1), ("End", len(trace.frames)), ("ArrowLeft", len(trace.frames) - 1)):
        page.keyboard.press(key)
        assert page.evaluate(SHOWN)["hash"] == f"#{at}"


def test_every_frame_says_what_to_look_at_and_has_its_functions_formulas(small, open_page):
    page = open_page(small)
    texts = {text.name: text for text in small.texts}
    explained = """() => { const all = (css) => [...document.querySelectorAll(`#explained ${css}`)]; return {
        look: all(".look")[0].textContent, formulas: all(".formula code").map((code) => code.textContent),
        now: all(".formula.now").map((line) => line.className),
        lessons: all(".lesson code").map((code) => code.textContent),
        sources: all("pre").map((pre) => pre.textContent) }; }"""
    for number, frame in enumerate(small.frames, 1):
        if number > 1:
            page.keyboard.press("ArrowRight")
        shown = page.evaluate(explained)
        assert re.match(r"Look at: .{20}", shown["look"]), frame.title
        assert shown["formulas"] and shown["sources"] and all(shown["sources"]), frame.title
        if frame.update is not None:
            names = [small.updates[frame.update].optimizer]
            assert shown["lessons"] == ["minigan lesson 11"]
        elif frame.layer is not None and frame.border is None:
            names = dict.fromkeys(f.name for f in small.layers[frame.layer].functions)
        else:
            from_where = {"enter": "SimultaneousGAN.step" if frame.owner == "D" else "GAN.noise"}
            name = from_where.get(frame.direction, "SimultaneousGAN.step")
            assert shown["sources"] == [texts[name].source]
            assert shown["lessons"] == [f"minigan lesson {10 if frame.border is not None else 1}"]
            way = "back" if frame.border_gradient is not None else "onward"
            assert f"formula {way} now" in shown["now"]
            continue
        parts = [part for name in names for part in texts[name].forward + texts[name].backward]
        assert sorted(shown["formulas"]) == sorted(parts), frame.title
        assert sorted(shown["sources"]) == sorted(texts[name].source for name in names)
        way = "back" if frame.layer_backward is not None else "onward"
        assert shown["now"] and all(f"formula {way} now" == kind for kind in shown["now"])


def test_at_the_border_stand_its_own_formulas_and_the_turn_that_carries_them(open_page):
    trace = _traced("mlp", batch_size=4, algorithm="gan")
    page = open_page(trace)
    shown = {}
    for number, frame in enumerate(trace.frames):
        if frame.border is None and frame.direction != "enter":
            continue
        page.evaluate("show", number)
        texts = page.locator("#explained .formula code, #explained .reading b").all_text_contents()
        shown[frame.title.split(":")[0], frame.way] = texts
    cut, gone, passed = "D.input = detach(G.output)", "∂L/∂G.output = 0", "∂L/∂G.output = ∂L/∂D.input"
    drawn = "z (N, z_dim), standard normal, for every sample of a batch"
    assert shown == {
        ("z enters G", "forward"): ["z ~ N(0, 1)", drawn, "GAN.noise"],
        ("x enters D", "forward"): ["x ~ p_data", "GAN.step"],
        ("The wall", "forward"): [cut, gone, "GAN.discriminator_turn"],
        ("The wall", "backward"): [cut, gone, "GAN.discriminator_turn"],
        ("The threshold", "forward"): [cut, passed, "GAN.generator_turn"],
        ("The door", "backward"): [cut, passed, "GAN.generator_turn"],
    }


def test_the_door_shows_both_sides_and_no_difference_and_the_wall_exactly_0(trace, open_page):
    page = open_page(trace)
    for kind, drawn, said in (("carried", "door", "= 0.0"), ("detached", "wall", "into G goes 0")):
        at = next(
            i
            for i, f in enumerate(trace.frames)
            if f.border_gradient is not None and trace.border_gradients[f.border_gradient].kind == kind
        )
        gradient = trace.border_gradients[trace.frames[at].border_gradient]
        page.evaluate("number => { location.hash = number; }", str(at + 1))
        page.wait_for_selector(f"#content .at-{drawn}")
        assert said in page.inner_text("#content .outcome")
        sides = [float(page.get_attribute(f"#content .side.{side} .norm data", "value")) for side in ("left", "right")]
        assert sides == [gradient.at_output.norm if kind == "carried" else 0.0, gradient.at_input.norm]


@pytest.mark.parametrize("which", ["trace", "small"])
def test_on_a_laptop_the_borders_cards_are_seen_whole_below_a_compact_map(which, request, open_page):
    trace = request.getfixturevalue(which)
    page = open_page(trace, viewport={"width": 1366, "height": 768})
    bottoms = """() => [...document.querySelectorAll("#content .side, #content .gate-picture")]
        .map((part) => part.getBoundingClientRect().bottom)"""
    for number, frame in enumerate(trace.frames, 1):
        if frame.border is None:
            continue
        page.evaluate("number => { location.hash = number; }", str(number))
        page.wait_for_selector(f"#content[data-frame='{number}']")
        assert page.evaluate("scrollY") == 0
        assert max(page.evaluate(bottoms)) <= page.locator("#player").bounding_box()["y"], frame.title
    compact = page.locator("#map").bounding_box()["height"]
    assert page.locator("#drawing .block .norm:not(.scalar)").count() == 0
    page.set_viewport_size({"width": 1366, "height": 1000})  # there is room again
    page.wait_for_selector("#drawing .block .norm:not(.scalar)", state="attached")
    assert page.locator("#map").bounding_box()["height"] > compact + 80


def test_the_table_has_every_frame_and_the_same_numbers(trace, open_page):
    page = open_page(trace)
    rows = page.evaluate("""() => [...document.querySelectorAll("#table tbody tr")].map((row) => ({
        title: row.cells[2].firstChild.textContent, link: row.querySelector("a").getAttribute("href"),
        norms: [4, 5, 6, 7].map((i) => row.cells[i].querySelector("data")?.value ?? null) }))""")
    assert [row["link"] for row in rows] == [f"#{n}" for n in range(1, len(trace.frames) + 1)]
    for row, frame in zip(rows, trace.frames, strict=True):
        assert row["title"] == frame.title
        norms = [a and a.norm for a in (frame.input, frame.output, frame.grad_output, frame.grad_input)]
        if frame.border_gradient is not None and frame.grad_input is None:
            norms[3] = 0.0  # the wall
        assert [n and float(n) for n in row["norms"]] == [n if n != 0.0 else 0.0 for n in norms]


def test_frames_are_chosen_by_address_slider_list_and_map(small, open_page):
    page = open_page(small, at="#12")
    assert page.inner_text("#title") == small.frames[11].title
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#title") == small.frames[12].title
    page.select_option("#jump", "3")
    assert page.inner_text("#title") == small.frames[2].title
    page.locator('#drawing .block[data-lit="4"]').click()
    assert page.inner_text("#title") == small.frames[4].title
    page.evaluate("location.hash = '#7'")
    page.wait_for_function("document.getElementById('slider').value === '7'")
    assert page.locator("#jump").input_value() == "7"


@pytest.mark.parametrize("at, frame", [("#9999", -1), ("#0", 0), ("#-3", 0), ("#x", 0), ("", 0)])
def test_an_address_of_no_frame_leads_to_one_all_the_same(small, open_page, at, frame):
    assert open_page(small, at=at).inner_text("#title") == small.frames[frame].title


def test_space_plays_and_pauses(small, open_page):
    page = open_page(small)
    page.clock.install()
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.clock.run_for(4000)
    reached = page.evaluate("Number(location.hash.slice(1))")
    assert reached > 2
    page.keyboard.press("Space")
    page.clock.run_for(10_000)
    assert page.evaluate("Number(location.hash.slice(1))") == reached
    page.click("#play")
    page.clock.run_for(200_000)
    assert page.evaluate("location.hash") == f"#{len(small.frames)}"  # it stops at the end
    assert page.get_attribute("#play", "aria-label") == "Play"


def test_the_theme_is_the_systems_until_it_is_chosen(small, open_page):
    page = open_page(small, color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark, picture = page.evaluate(paper), page.evaluate("document.querySelector('canvas.heat').toDataURL()")
    page.click("#theme")
    assert page.evaluate(paper) != dark
    assert page.evaluate("document.querySelector('canvas.heat').toDataURL()") != picture  # painted again
    page.click("#theme")
    assert page.evaluate(paper) == dark


def test_motion_only_for_those_who_want_it(small, open_page):
    at = next(i for i, f in enumerate(small.frames) if f.layer_backward is not None)
    moving = "getComputedStyle(document.querySelector('#drawing .arrow.gradient.now')).animationName"
    assert open_page(small, at=f"#{at + 1}").evaluate(moving) == "none"
    assert open_page(small, at=f"#{at + 1}", reduced_motion="no-preference").evaluate(moving) != "none"


def test_a_vanishing_gradient_is_told_from_the_numbers(small, open_page):
    def faded(c):
        return dataclasses.replace(c, gradient=dataclasses.replace(c.gradient, norm=c.gradient.norm * 1e-6))

    said = open_page(small).inner_text("#comparison .lead")
    assert re.search(r"minimax\) loss all but vanishes", said) and "non-saturating loss all but" not in said
    other = [faded(c) if c.objective == "non-saturating" and c.logit_shift else c for c in small.comparisons]
    page = open_page(dataclasses.replace(small, comparisons=tuple(other)))
    assert "non-saturating loss all but vanishes" in page.inner_text("#comparison .lead")


def test_hostile_words_run_nothing(small, open_page):
    page = open_page(_hostile(small))
    assert page.text_content("#title") == HOSTILE
    assert page.locator("img").count() == 0


def test_what_is_not_a_number_stands_out(small, open_page):
    frame = small.frames[1]
    broken = dataclasses.replace(frame.output, nans=3)
    layers = list(small.layers)
    layers[frame.layer] = dataclasses.replace(layers[frame.layer], output=broken)
    frames = [dataclasses.replace(f, output=broken) if f is frame else f for f in small.frames]
    page = open_page(dataclasses.replace(small, layers=tuple(layers), frames=tuple(frames)), at="#2")
    assert page.inner_text(".alarm").split() == ["NaN", "3"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing(small, open_page, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    kinds = {f.direction: f for f in small.frames}  # one frame of each: tables of all of them take axe long
    few = dataclasses.replace(small, frames=tuple(kinds.values()))
    page = open_page(few, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('main > details, #compare details').forEach((d) => { d.open = true; })")
    for at, kind in enumerate(kinds, 1):
        page.evaluate("number => { location.hash = number; }", str(at))
        page.wait_for_selector(f"#content[data-frame='{at}']")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        if (scheme, width) == ("light", 1280) or kind in ("border", "backward"):
            found = axe.run(page, context=None if kind == "border" else "#frame")
            assert not found.violations_count, found.generate_report()


def test_the_page_works_in_a_notebooks_frame(small, open_page):
    pytest.importorskip("IPython")
    page = open_page(small, notebook=True)
    inside = page.frame_locator("iframe")
    inside.locator("#next").click()
    assert inside.locator("#title").inner_text() == small.frames[1].title


def test_a_gradient_that_waits_at_the_door_is_one_click_from_it(small, open_page):
    door = next(i for i, f in enumerate(small.frames) if f.title.startswith("The door"))
    arrives = [
        i
        for i, f in enumerate(small.frames)
        if f.layer_backward is not None and f.backward_pass == small.frames[door].backward_pass
    ][-1]
    assert arrives < door - 1  # another turn lies between
    page = open_page(small, at=f"#{arrives + 1}")
    gradient = small.border_gradients[small.frames[door].border_gradient]
    assert float(page.get_attribute("#content .waits data", "value")) == gradient.at_input.norm
    page.click("#content .waits a")
    page.wait_for_selector("#content .at-door")
    assert page.inner_text("#title") == small.frames[door].title and page.locator(".waits").count() == 0
    page.keyboard.press("ArrowLeft")
    assert page.locator(".waits").count() == 0


def test_on_a_small_screen_the_map_can_be_read_and_follows(trace, open_page):
    page = open_page(trace, viewport={"width": 320, "height": 640})
    size = "[...document.querySelectorAll('#drawing .block .rim')].map((b) => b.getBoundingClientRect().width)"
    assert min(page.evaluate(size)) > 20
    assert page.inner_text("#count") == f"1 / {len(trace.frames)}" and page.is_visible("#count")
    assert page.locator("#drawing .kind").count() == 17 and page.is_visible("#keys")
    for number in range(1, len(trace.frames) + 1, 6):
        page.evaluate("number => { location.hash = number; }", str(number))
        page.wait_for_selector(f"#content[data-frame='{number}']")
        lit = page.evaluate("document.querySelector('#drawing .now').getBoundingClientRect().toJSON()")
        assert -60 < lit["left"] and lit["right"] < 380, number


def test_one_frame_is_the_door(trace, small):
    for t in (trace, small):
        assert [f.title for f in t.frames if "door" in f.title.lower()] == [
            "The door: ∂L/∂D.input becomes ∂L/∂G.output"
        ]


def test_the_objectives_compared_name_the_steps_own(small, open_page):
    door = next(c for c in small.border_gradients if c.kind == "carried")
    page = open_page(small)
    assert "The step's own objective is non-saturating" in page.inner_text("#comparison > .hint")
    assert float(page.get_attribute("#comparison > .hint data", "value")) == door.at_input.norm


def _each_channels_part(source, kernels, size, stride, padding, gathers):
    """What each channel of a convolution's source (K, H, W) adds to its result (T, *size): (K, T, *size), by NumPy, as
    a transposed convolution stamps it, or as a convolution reads it. kernels: (T, K, KH, KW)."""
    parts = np.zeros((len(source), len(kernels), *size))
    small = size if gathers else source.shape[1:]
    for i, j, kh, kw in np.ndindex(*small, *kernels.shape[2:]):
        y, x = i * stride + kh - padding, j * stride + kw - padding
        large = source.shape[1:] if gathers else size
        if 0 <= y < large[0] and 0 <= x < large[1]:
            read, written = ((y, x), (i, j)) if gathers else ((i, j), (y, x))
            parts[(..., *written)] += source[(..., *read)][:, None] * kernels[:, :, kh, kw].T
    return parts


PIXEL = """() => {
    const part = document.querySelector(".pixel"), all = (element, css) => [...element.querySelectorAll(css)];
    const number = (element) => Number(element.querySelector("data").value);
    const maybe = (css) => part.querySelector(css) && number(part.querySelector(css));
    const grid = (p) => (what) => [what, all(p, `.of-${what} data`).map((d) => Number(d.value))];
    return { value: number(part.querySelector(".pixel-value")), rest: maybe(".rest"), bias: maybe(".bias"),
      channels: Object.fromEntries(all(part, ".part[data-channel]").map((p) => [p.dataset.channel, number(p)])),
      grids: all(part, ".products").map((p) => ({ channel: Number(p.dataset.channel), sum: Number(p.lastChild.value),
        ...Object.fromEntries(["value", "factor", "product"].map(grid(p))) })) }; }"""


# Two English words side by side, in what is read or heard; formulas, code and sources are in no language.
ENGLISH = """() => {
  const found = new Set(), pair = /\\b[a-z]{2,} [a-z]{2,}\\b/i;
  for (let i = 0; i < trace.frames.length; i++) {
    show(i);
    for (const element of document.querySelectorAll("body *")) {
      if (element.closest("script, style, code, pre, noscript, #language")) continue;
      for (const node of element.childNodes) if (node.nodeType === 3 && pair.test(node.data)) found.add(node.data);
      for (const name of ["aria-label", "aria-valuetext", "title", "label"]) {
        if (pair.test(element.getAttribute(name) ?? "")) found.add(element.getAttribute(name));
      }
    }
  }
  return [...found];
}"""


@pytest.mark.parametrize("which", ["small", "trace"])
def test_in_chinese_nothing_is_left_in_english(which, request, open_page):
    page = open_page(request.getfixturevalue(which), at="?lang=zh#2")
    assert page.get_attribute("html", "lang") == "zh-Hans" and page.title().startswith("一步训练：")
    assert page.inner_text("#explained .look").startswith("请看")
    names = ("MulScalar", "AddScalar", "SumTo", "Adam")
    assert [text for text in page.evaluate(ENGLISH) if not any(name in text for name in names)] == []


def test_formulas_and_sources_are_in_no_language(small, open_page):
    texts = """() => {
      const found = {};
      for (let i = 0; i < trace.frames.length; i++) {
        show(i);
        for (const element of document.querySelectorAll("#explained .function")) {
          const parts = [...element.querySelectorAll("code, pre")];
          found[element.querySelector("b").textContent] = parts.map((part) => part.textContent);
        }
      }
      return found;
    }"""
    english, chinese = (open_page(small, at=f"?lang={tag}").evaluate(texts) for tag in ("en", "zh"))
    assert english == chinese
    for text in small.texts:
        shown = english.get(text.name, [])
        assert not shown or [part for part in shown if part in text.forward] == list(text.forward)
        assert not shown or shown[-1] == text.source
    assert sum(" in " in part for parts in english.values() for part in parts) >= 3


def test_the_language_is_the_browsers_until_it_is_asked_for_or_chosen(small, open_page):
    page = open_page(small, locale="zh-CN")
    assert page.inner_text("#title").startswith("z 进入 G")
    english = open_page(small, at="?lang=en", locale="zh-CN")
    assert english.inner_text("#title").startswith("z enters G")
    before = english.inner_text("body")
    english.click("#language")
    assert english.inner_text("body") == page.inner_text("body") != before
    english.click("#language")
    assert english.inner_text("body") == before
    for at in ("?lang=xx#2", "?lang=toString#2"):
        assert open_page(small, at=at).inner_text("#explained .look").startswith("Look at")


def test_names_and_kinds_of_layers_are_in_no_language(trace, open_page):
    kinds = [open_page(trace, at=f"?lang={tag}").locator("#drawing .kind").all_text_contents() for tag in ("en", "zh")]
    assert kinds[0] == kinds[1] and "norm" in kinds[0]


def test_a_map_of_many_turns_leaves_room_for_the_frame_and_follows(open_page):
    trace = trace_fresh(Config.choose(recipe="ring", n_critic=5, penalties=("gradient:10",), batch_size=8))
    page = open_page(trace, viewport={"width": 1366, "height": 768})
    for number in range(1, len(trace.frames) + 1, 60):
        page.evaluate("number => { location.hash = number; }", str(number))
        page.wait_for_selector(f"#content[data-frame='{number}']")
        assert page.locator("#map").bounding_box()["height"] < 768 / 2
        lit, seen = (page.locator(css).first.bounding_box() for css in ("#drawing .block.now", "#drawing"))
        assert seen["y"] - 1 <= lit["y"] and lit["y"] + lit["height"] <= seen["y"] + seen["height"] + 1, number


MAP = """() => {
    const all = (css) => [...document.querySelectorAll(`#drawing ${css}`)];
    const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    return {
        blocks: all(".block > .rim").map(box), words: all(".network, .kind, .loss").map(box), map: box(all("svg")[0]),
        names: all(".network .letter").map((e) => [e.textContent, box(e)[0]]),
    };
}"""


def _overlap(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1366, 768), (320, 640)])
def test_four_networks_that_enter_one_another_stand_apart(open_page, width, height):
    """Two generators, each of which is given the other's output, over one another; what judges them to their right."""
    page = open_page(recorded(CycleGAN, "a", "b"), viewport={"width": width, "height": height})
    found = page.evaluate(MAP)
    blocks, (left, top, right, bottom) = found["blocks"], found["map"]
    assert len(blocks) > 50
    for i, block in enumerate(blocks):
        assert left <= block[0] and block[2] <= right and top <= block[1] and block[3] <= bottom
        assert not any(_overlap(block, other) for other in blocks[:i] + found["words"])
    at = dict(found["names"])
    assert len(at) == len(found["names"]) == 4
    assert at["G_AB"] == at["G_BA"] < at["D_A"] == at["D_B"]


def test_a_pixel_of_a_convolution_adds_up_from_the_numbers_that_numpy_finds(open_page):
    rng = np.random.default_rng(0)
    conv, grow = nn.Conv2d(20, 3, 3, stride=2, padding=1), nn.ConvTranspose2d(3, 18, 4, stride=2, padding=1)
    net = nn.Sequential(conv, grow)
    x = mg.Tensor(rng.standard_normal((2, 20, 7, 7), "float32"), requires_grad=True, device="cpu")
    net.to("cpu")
    with Recorder({"N": net}) as recorder:
        y = net(x)
        dy = rng.standard_normal(y.shape, "float32")
        (y * mg.Tensor(dy, device="cpu")).sum().backward()
    trace, hidden = recorder.trace, conv(x).numpy()
    w, v = conv.weight.numpy(), grow.weight.numpy()
    dhidden = _each_channels_part(dy[0], v, (4, 4), 2, 1, True).sum(0)
    found = {
        "Forward through N.0": (x.numpy()[0], w, (4, 4), True, conv.bias.numpy(), hidden[0]),
        "Forward through N.1": (hidden[0], v.swapaxes(0, 1), (8, 8), False, grow.bias.numpy(), y.numpy()[0]),
        "Back through N.1": (dy[0], v, (4, 4), True, None, dhidden),
        "Back through N.0": (dhidden, w.swapaxes(0, 1), (7, 7), False, None, x.grad.numpy()[0]),
    }
    page = open_page(trace, viewport={"width": 1366, "height": 1200})
    for title, (source, kernels, size, gathers, bias, result) in found.items():
        (at,) = (i for i, f in enumerate(trace.frames, 1) if f.title.startswith(title))
        page.evaluate("number => { location.hash = number; }", str(at))
        page.wait_for_selector(f"#content[data-frame='{at}'] .pixel")
        parts = _each_channels_part(source, kernels, size, 2, 1, gathers)
        t, row, column = np.unravel_index(np.abs(result[0]).argmax(), (1, *size))
        for key, step in (
            (None, (0, 0, 0)),
            ("PageDown", (1, 0, 0)),
            ("ArrowUp", (0, -1, 0)),
            ("ArrowLeft", (0, 0, -1)),
        ):
            to = t + step[0], row + step[1], column + step[2]
            if key:
                page.locator(".asked").press(key)
            t, row, column = to if min(to) >= 0 else (t, row, column)
            shown = page.evaluate(PIXEL)
            kept = {int(k): number for k, number in shown["channels"].items()}
            assert shown["value"] == pytest.approx(result[t, row, column], rel=1e-4, abs=1e-5)
            assert kept == pytest.approx({k: parts[k, t, row, column] for k in range(min(16, len(source)))}, abs=1e-5)
            others = parts[16:, t, row, column].sum()
            assert (shown["rest"] is None) == (len(source) <= 16) and (shown["rest"] or 0) == pytest.approx(
                others, abs=1e-5
            )
            assert shown["bias"] == (None if bias is None else pytest.approx(bias[t], abs=1e-6))
            for grid in shown["grids"]:
                assert np.allclose(np.multiply(grid["value"], grid["factor"]), grid["product"])
                assert sum(grid["product"]) == pytest.approx(grid["sum"]) == kept[grid["channel"]]
                assert len(grid["product"]) == kernels[0, 0].size or not gathers
    assert page.evaluate("location.hash") == f"#{at}"  # the keys moved the pixel, not the frame
    picture = page.locator(".asked canvas.heat").bounding_box()  # 16 tiles of 7×7, a gap of 1: 31 pixels across
    pixel = picture["width"] / 31
    page.mouse.move(picture["x"] + (8 + 2.5) * pixel, picture["y"] + 3.5 * pixel)  # the second channel
    assert page.evaluate(PIXEL)["value"] == pytest.approx(x.grad.numpy()[0, 1, 3, 2], rel=1e-4)


INSETS = """() => {
    const all = (css) => [...document.querySelectorAll(css)], box = (e) => e.getBoundingClientRect().toJSON();
    const data = (what) => all(`.inset .of-${what} data`).map((d) => Number(d.value));
    return {
      boxes: all(".inset").filter((inset) => inset.checkVisibility({ visibilityProperty: true })).map(box),
      marks: all(".mark").map(box), canvases: all(".held canvas").map(box), player: box(all("#player")[0]).top,
      values: data("value"), factors: data("factor"), products: data("product"),
      figures: all(".looked > dl").map((dl) => getComputedStyle(dl).visibility),
    }; }"""


@pytest.mark.parametrize("way", ["Forward", "Back"])
def test_a_pixel_that_is_pointed_at_is_explained_where_it_is_seen(way, trace, open_page):
    """On a laptop the panel lies below what the window shows, and one cannot point and scroll at once: the sum stands
    beside the two pictures meanwhile. (Without the insets, or with a mark outside of its picture, this fails.)"""
    at = next(i for i, f in enumerate(trace.frames, 1) if f.title.startswith(way) and "(Conv2d) in D(G(z))" in f.title)
    page = open_page(trace, at=f"#{at}", viewport={"width": 1366, "height": 768})
    assert page.evaluate(INSETS)["boxes"] == []
    picture = page.locator(".asked canvas.heat").bounding_box()
    places = []
    for share in (0.06, 0.14):
        page.mouse.move(picture["x"] + share * picture["width"], picture["y"] + share * picture["height"])
        shown = page.evaluate(INSETS)
        places.append(shown["marks"][0 if way == "Back" else 1])
        assert len(shown["boxes"]) == 2 and shown["figures"] == ["hidden", "hidden"]
        assert max(box["bottom"] for box in shown["boxes"]) <= shown["player"]
        assert np.allclose(np.multiply(shown["values"], shown["factors"]), shown["products"]) and shown["products"]
        for mark in shown["marks"]:
            assert any(c["left"] - 8 <= mark["left"] and mark["right"] <= c["right"] + 8 and c["top"] - 8 <= mark["top"]
                       and mark["bottom"] <= c["bottom"] + 8 for c in shown["canvases"])  # fmt: skip
            assert min(mark["width"], mark["height"]) >= 11
    assert places[1]["left"] > places[0]["left"] + 8 and places[1]["top"] > places[0]["top"] + 8
    page.mouse.move(5, 5)
    assert page.evaluate(INSETS)["boxes"] == []
    page.locator(".asked").focus()
    before = page.evaluate(INSETS)
    page.keyboard.press("ArrowDown")
    after = page.evaluate(INSETS)
    assert len(before["boxes"]) == len(after["boxes"]) == 2 and before["values"] != after["values"]
    page.keyboard.press("Escape")
    assert page.evaluate(INSETS)["boxes"] == [] and page.evaluate("location.hash") == f"#{at}"


def test_no_arrow_of_the_map_lies_over_a_loss_and_words_are_read_at_any_time(trace, open_page):
    page = open_page(trace, viewport={"width": 1366, "height": 768})
    found = page.evaluate("""() => {
        const all = (css) => [...document.querySelectorAll(`#drawing ${css}`)];
        const losses = all(".block:has(.scalar) .rim").map((rim) => rim.getBBox());
        const within = (at, from, size) => at > from + 0.5 && at < from + size - 0.5;
        const inside = ({ x, y }) => losses.some((b) => within(x, b.x, b.width) && within(y, b.y, b.height));
        const ends = (arrow) => [0, arrow.getTotalLength()].map((at) => arrow.getPointAtLength(at));
        const over = all(".arrow").filter((arrow) => ends(arrow).some(inside));
        const pale = all(".optimizer").map((words) => getComputedStyle(words).opacity);
        return { losses: losses.length, over: over.length, pale };
    }""")
    assert found == {"losses": 4, "over": 0, "pale": ["1", "1"]}


def test_cells_of_a_picture_that_hold_no_number_are_not_drawn_as_zeros(trace, open_page):
    """z has 32 numbers, in a square of 36 cells: the last four have no colour, and the zero before has one."""
    page = open_page(trace)
    alphas = page.evaluate("""() => {
        const canvas = document.querySelector("#content canvas.folded");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return [...data].filter((_, i) => i % 4 === 3);
    }""")
    n = trace.frames[0].output.shape[1]
    assert alphas == [255] * n + [0] * (len(alphas) - n)


def test_on_a_small_screen_the_map_is_low_and_its_names_are_whole(trace, open_page):
    page = open_page(trace, viewport={"width": 320, "height": 640})
    names = page.locator("#drawing .kind").all_text_contents()
    assert {"dense", "lrelu", "conv\u1d40"} <= set(names) and "dens" not in names
    look, player, drawing = (page.locator(css).bounding_box() for css in (".look", "#player", "#drawing"))
    assert drawing["height"] <= 150 and look["y"] + look["height"] <= player["y"]

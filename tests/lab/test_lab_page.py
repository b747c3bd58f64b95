"""The lab as a page: whole in itself, told by its address, worked by keyboard, in two languages.

The second half looks at it in a browser, and is skipped where there is none (`pip install minigan[browser]`).
"""

import re
import webbrowser
from pathlib import Path

import pytest

from minigan.cli import main
from minigan.lab import SCRIPTS, lab_page, source

pytestmark = pytest.mark.host_only("a page has no arrays on a device")


# --- without a browser ---------------------------------------------------------------------------


def test_the_page_is_one_small_file_that_needs_nothing_from_elsewhere():
    page = lab_page()
    assert len(page.encode()) <= 150_000
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w/.]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not a place
    assert not re.search(r"@import|url\((?!#)|\b(fetch|XMLHttpRequest|WebSocket|importScripts|sendBeacon)\b", page)
    assert not re.search(r'\b(src|href|action)="(?!data:)', page)


def test_the_policy_allows_this_script_and_nothing_else():
    page = lab_page()
    (content,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    policy = dict(part.split(" ", 1) for part in content.split("; "))
    assert policy["default-src"] == "'none'" and policy["img-src"] == "data:"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy["style-src"])
    assert page.count("<script") == 1 == page.count("</script") and all(source(name) in page for name in SCRIPTS)


def test_the_command_writes_the_page_or_opens_it(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert main(["lab", "--html", str(tmp_path / "mine.html")]) == 0 and not opened
    assert (tmp_path / "mine.html").read_text(encoding="utf-8") == lab_page()
    assert "open it in a browser" in capsys.readouterr().err
    assert main(["lab"]) == 0
    assert opened == [(tmp_path / "minigan-lab.html").as_uri()]
    assert (tmp_path / "minigan-lab.html").read_text(encoding="utf-8") == lab_page()


def test_the_command_takes_a_state(tmp_path):
    state = 'objective=minimax&steps=3"><b>'
    assert main(["lab", f"#{state}", "--html", str(tmp_path / "mine.html")]) == 0
    page = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert page == lab_page(state) and '<body data-state="objective=minimax&amp;steps=3&quot;&gt;&lt;b&gt;">' in page


def test_the_page_that_lessons_link_to_is_this_one():
    page = Path(__file__).parents[2] / "lessons" / "lab.html"
    assert page.read_text(encoding="utf-8") == lab_page(), "write it again: minigan lab --html lessons/lab.html"


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    path.write_text(lab_page(), encoding="utf-8")
    return path


@pytest.fixture
def open_lab(browser, file):
    """Opens the lab at an address. At the end: no error was written, and nothing was asked of a network."""
    contexts, trouble = [], []

    def open_(at="", **options):
        context = browser.new_context(**({"reduced_motion": "reduce", "locale": "en"} | options))
        context.set_default_timeout(120_000)  # a machine that is busy with other tests is slow
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: trouble.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "about:")) else trouble.append(r.url))
        page.goto(f"file://{file}{at}")
        settled(page)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not trouble


def settled(page):
    """Wait until nothing plays or is computed."""
    for _ in range(6000):
        if page.evaluate("() => playing === null"):
            return
        page.wait_for_timeout(50)
    raise AssertionError("it plays for ever")


WEIGHTS = "() => [game.G, game.D].flatMap((net) => net.layers.flatMap(({ W, b }) => [...W.data, ...b]))"


def test_the_address_tells_the_whole_state(open_lab):
    page = open_lab("#objective=minimax&data=moons&batch=16&widthG=8&seed=3&steps=5")
    page.evaluate("""() => {
        chose("objective", "wgan-gp"); makeStep(game); chose("attached", true); makeStep(game);
        oneStep("D"); oneStep("D"); makeStep(game); pause();
    }""")
    again = open_lab("#" + page.evaluate("() => location.hash.slice(1)"))
    assert again.evaluate("() => [game.steps, game.options]") == page.evaluate("() => [game.steps, game.options]")
    assert again.evaluate("() => game.steps") == 10
    assert again.evaluate(WEIGHTS) == page.evaluate(WEIGHTS) != open_lab("#steps=10&batch=16").evaluate(WEIGHTS)
    history = page.evaluate("() => game.history.map((change) => change.join(' '))")
    assert history == ["5 objective wgan-gp", "6 attached true", "7 turns D", "9 turns both"]


def test_a_page_begins_from_its_own_state_unless_the_address_has_one(open_lab, file):
    file.with_name("own.html").write_text(lab_page("objective=minimax&seed=3&steps=5"), encoding="utf-8")
    page = open_lab("/../own.html")
    assert page.evaluate("() => [game.steps, game.options.objective]") == [5, "minimax"]
    other = open_lab("/../own.html#objective=hinge&steps=2")
    assert other.evaluate("() => [game.steps, game.options.objective]") == [2, "hinge"]


NONSENSE = "#objective=none&lrG=7&depth=99&seed=x&steps=-3&then=a.b.c,5.data.moons,3.turns"


@pytest.mark.parametrize("at", [NONSENSE, "#points=zzzz&data=drawn", "#%"])
def test_an_address_of_no_state_leads_to_one_all_the_same(open_lab, at):
    page = open_lab(at)
    found = page.evaluate("() => [game.steps, game.options.objective, game.options.data]")
    assert found == [0, "non-saturating", "drawn" if "drawn" in at else "ring"]
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#steps") == "1"


def test_every_control_works_by_keyboard(open_lab):
    page = open_lab("#batch=16&widthG=4&widthD=4&objective=wgan-gp")
    for name in ("objective", "optimizer", "lrG", "lrD", "critic", "batch", "penalty", "widthG", "widthD", "depth",
                 "activation", "turns"):  # fmt: skip
        before = page.evaluate("name => game.options[name]", name)
        page.locator(f"[data-option={name}]").focus()
        page.keyboard.press("ArrowUp" if name == "objective" else "ArrowDown")
        if page.evaluate("name => game.options[name]", name) == before:  # it was the last
            page.keyboard.press("ArrowUp")
        assert page.evaluate("name => game.options[name]", name) != before, name
        if name == "objective":
            assert page.is_visible("[data-option=clip]") and page.is_hidden("[data-option=penalty]")
            page.keyboard.press("ArrowDown")
    page.locator("[data-option=seed]").fill("7")
    page.keyboard.press("Enter")
    page.locator("#data input:checked").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => [game.options.seed, game.options.data]") == [7, "grid"]
    for name in page.evaluate("() => MISTAKES"):
        page.locator(f"#mistakes [name={name}]").focus()
        page.keyboard.press("Space")
        assert page.evaluate("name => game.options.mistakes[name]", name)
        assert page.locator(f"#what-{name}").inner_text().endswith(".")
    page.evaluate("() => document.activeElement.blur()")
    for key, steps in (("ArrowRight", 1), ("d", 2), ("g", 3)):
        page.keyboard.press(key)
        assert page.inner_text("#steps") == str(steps)
    page.keyboard.press("Space")
    assert "Pause" in page.inner_text("#play")
    page.keyboard.press("Space")
    assert "Play" in page.inner_text("#play")
    for id_ in "play step turn-D turn-G slow again link language theme story-do story-next".split():
        page.locator(f"#{id_}").focus()
        assert page.evaluate("() => document.activeElement.id") == id_


def test_points_are_drawn_by_mouse_and_by_keyboard(open_lab):
    page = open_lab("#data=drawn&batch=16")
    page.locator("#field").click(position={"x": 30, "y": 30})
    page.locator("#field").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    (x, y), by_key = page.evaluate("() => game.drawn")
    assert x < -1 and y > 1 and by_key == pytest.approx([0.1, 0.1], abs=2e-3)
    again = open_lab("#" + page.evaluate("() => location.hash.slice(1)"))
    assert again.evaluate("() => game.drawn") == page.evaluate("() => game.drawn")
    inked = "() => byId('field').getContext('2d').getImageData(0, 0, 300, 300).data.some((v) => v > 0)"
    assert again.evaluate(inked) and not open_lab("#data=drawn").evaluate(inked)
    reals = again.evaluate("() => rowsOf(game.reals)")
    assert all(min(abs(p[0] - x) + abs(p[1] - y), abs(p[0] - 0.1) + abs(p[1] - 0.1)) < 0.4 for p in reals)
    page.click("#clear")
    assert page.evaluate("() => game.drawn.length") == 0


SLOPES = """(objective) => {
    chose("objective", objective);
    for (let k = 0; k < 5; k++) makeStep(game);
    const seen = look(game), n = seen.fakes.rows, fakes = matrix(n, 2, seen.fakes.data), by = 1e-6;
    const lossG = () => OBJECTIVES[objective].G(outputOf(forward(game.D, fakes))).loss;
    return Array.from({ length: 6 }, (_, k) => {
        const at = fakes.data[k];
        fakes.data[k] = at + by; const above = lossG();
        fakes.data[k] = at - by; const below = lossG();
        fakes.data[k] = at;
        return [seen.arrows.data[k], (-n * (above - below)) / (2 * by)];
    });
}"""


def test_the_arrows_are_minus_the_gradient_of_the_loss_at_each_fake(open_lab):
    page = open_lab("#batch=16&activation=tanh")
    for objective in page.evaluate("() => Object.keys(OBJECTIVES)"):
        for arrow, slope in page.evaluate(SLOPES, objective):
            assert arrow == pytest.approx(slope, rel=1e-4, abs=1e-6), objective
            assert arrow != 0


MISTAKEN = """([name, steps]) => {
    const game = newGame({ batch: 16, ...(name && { [name]: true }) });
    for (let k = 0; k < steps; k++) makeStep(game);
    const flat = (net) => net.layers.flatMap(({ W, b }) => [...W.data, ...b]), seen = look(game);
    return { G: flat(game.G), D: flat(game.D), begun: flat(newGame({ batch: 16 }).G), border: norm(seen.border.data),
             apart: apart(seen), batch: apart(game.last), lossD: game.last.lossD };
}"""


def test_each_mistake_does_what_its_sentence_says(open_lab):
    page = open_lab()
    right, later = (page.evaluate(MISTAKEN, ["", steps]) for steps in (1, 2))
    names = page.evaluate("() => MISTAKES")
    of = {(name, steps): page.evaluate(MISTAKEN, [name, steps]) for name in names for steps in (1, 2)}
    assert right["apart"] == right["batch"] == 0.0 < right["border"]
    attached = of["attached", 1]
    assert attached["D"] == right["D"] and attached["G"] != right["G"] and min(attached["apart"], attached["batch"]) > 0
    assert of["unfrozen", 1]["D"] == right["D"] and of["unfrozen", 1]["G"] == right["G"]
    assert of["unfrozen", 2]["D"] != later["D"]
    assert of["stale", 1]["D"] == right["D"] and of["stale", 1]["G"] != right["G"]
    assert of["yesno", 1]["D"] == right["D"] and of["yesno", 1]["G"] == right["begun"]
    assert of["yesno", 1]["border"] == 0.0
    assert of["swapped", 1]["D"] != right["D"] and of["swapped", 1]["lossD"] != right["lossD"]


def test_slow_motion_goes_through_the_frames_of_a_step_with_its_numbers(open_lab):
    page = open_lab("#batch=16&steps=3")
    page.click("#slow")
    frames, said = page.evaluate("() => FRAMES"), []
    for k, name in enumerate(frames, 1):
        said.append(page.inner_text("#frame-title"))
        assert said[-1].startswith(f"Frame {k} of {len(frames)}: ") and page.inner_text("#spoken").startswith(said[-1])
        assert page.locator("#frame-numbers dd").count() and page.locator("#frames [aria-current]").count() == 1
        if name == "border":
            assert page.inner_text("#norm-G") == page.inner_text("#norm-D") and page.inner_text("#difference") == "0"
            last = page.evaluate("() => ({ border: rowsOf(game.last.border), l: [...game.last.logitsG.data] })")
            cells = page.locator("#followed tbody tr").first.locator("td").all_inner_texts()
            assert float(cells[2].replace("−", "-")) == pytest.approx(last["l"][0], rel=5e-3)
            pair = [float(v.replace("−", "-")) for v in cells[4].strip("()").split(", ")]
            assert pair == pytest.approx([16 * v for v in last["border"][0]], rel=5e-3)
        page.keyboard.press("ArrowRight")
    assert len(set(said)) == len(frames)
    assert page.inner_text("#steps") == "4" and page.inner_text("#frame-title") == said[0]
    page.click("#slow")
    assert page.is_hidden("#frame") and page.is_visible("#charts") and page.inner_text("#steps") == "5"
    whole = open_lab("#batch=16&steps=5")  # the same step, whole or by frames
    assert page.evaluate(WEIGHTS) == whole.evaluate(WEIGHTS)


def test_who_asked_for_no_motion_gets_a_picture_now_and_then(open_lab):
    page = open_lab("#batch=16")
    page.clock.install()
    page.click("#play")
    page.clock.run_for(600)
    assert page.inner_text("#steps") == "0"
    page.clock.run_for(200)
    assert int(page.inner_text("#steps")) > 0


def test_words_are_of_the_language_asked_for_and_none_is_missing(open_lab):
    page = open_lab("?lang=zh", locale="en")
    assert page.evaluate("() => document.documentElement.lang") == "zh-Hans"
    assert "判别器" in page.inner_text("#story-text") and page.inner_text("#play").endswith("播放")
    page.click("#language")
    assert page.inner_text("#play").endswith("Play")
    assert open_lab(locale="zh-CN").inner_text("#again") == "重来"
    shape = """() => {
        const each = (v) => Object.fromEntries(Object.entries(v).map(([k, w]) => [k, of(w)]));
        const of = (v) => typeof v === "object" ? each(v) : typeof v;
        return [of(TEXTS.en), of(TEXTS.zh)];
    }"""
    english, chinese = page.evaluate(shape)
    assert english == chinese and len(english["story"]) == page.evaluate("() => STORY.length") <= 6


def test_a_teacher_hides_controls_by_the_address(open_lab):
    page = open_lab("?hide=mistakes,story,rates")
    assert page.is_hidden("#mistakes") and page.is_hidden("#story") and page.is_hidden("[data-option=lrG]")
    assert page.is_visible("[data-option=batch]")
    page.click("#theme")
    assert page.is_hidden("[data-option=lrD]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing(open_lab, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_lab("#steps=3&batch=16&data=drawn", color_scheme=scheme, viewport={"width": width, "height": 720})
    for act in ("", "toggleSlow(); for (let k = 0; k < 9; k++) nextFrame(); byId('story-answer').open = true;"):
        page.evaluate(f"() => {{ {act} }}")
        assert not page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
        found = axe.run(page)
        assert not found.violations_count, found.generate_report()


SEEN = """() => ({ norm: norm(seen.border.data), factor: seen.factor, modes: seen.covered, steps: game.steps,
    most: Math.max(...curves.map((point) => point.border)), reach: norm(seen.fakes.data) / 16,
    history: game.history })"""


@pytest.mark.slow
def test_the_story_leads_to_a_perfect_D_that_stops_G_and_to_modes_lost_and_found(open_lab):
    page, seen = open_lab(), []
    page.select_option("#speed", "faster")
    for part in range(page.evaluate("() => STORY.length")):
        if part:
            page.click("#story-next")
        for _ in range(2 if part == 2 else 1):
            page.click("#story-do")
            settled(page)
            seen.append(page.evaluate(SEEN))
            assert page.is_visible("#frame") == (part == 1)
    plays, _, perfect, tried, other, lost, found = seen
    assert plays["modes"] == 8
    assert perfect["norm"] < perfect["most"] / 500 and perfect["factor"] < 1e-3
    # 200 steps of minimax move nothing; the loss alone changes, and the fakes go out to the ring
    assert tried["steps"] == perfect["steps"] + 200 and tried["reach"] == pytest.approx(perfect["reach"], abs=0.05)
    assert tried["norm"] < tried["most"] / 100 and tried["reach"] < 0.5
    assert other["history"] == [*tried["history"], [800, "objective", "non-saturating"]]
    assert other["most"] > 500 * tried["norm"] and other["reach"] == pytest.approx(1, abs=0.2) and other["modes"] > 0
    assert lost["modes"] <= 4 and found["modes"] >= 7
    assert found["history"] == [*lost["history"], [2500, "objective", "wgan-gp"]]


# A trained game in which minimax loses modes, played on with each objective and nothing else changed.
PLAYED_ON = """([seed, objectives]) => objectives.map((objective) => {
    const game = newGame({ seed });
    const until = (step) => { while (game.steps < step) makeStep(game); return look(game).covered; };
    const trained = until(TRAINED);
    for (const choice of LOSING) change(game, ...choice);
    const lost = until(LOST);
    change(game, "objective", objective);
    return [trained, lost, until(FOUND)];
})"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_objective_alone_brings_the_modes_back(seed, open_lab):
    """The control goes on with minimax: it would find them too if the rates or the steps of D had been the cause."""
    page = open_lab("#batch=16")
    same, other = page.evaluate(PLAYED_ON, [seed, ["minimax", "wgan-gp"]])
    assert same[:2] == other[:2] and same[0] == 8 and same[1] <= 4
    assert same[2] <= 4 and other[2] >= 7


def test_numbers_say_what_they_are(open_lab):
    page = open_lab("#batch=16&yesno=1&steps=20")
    # two of 256 fakes cover no mode, three do
    strays = """(n) => score(POINTS.ring, matrix(256, 2, Array.from({ length: 256 }, (_, i) =>
        (i < n ? RING[0] : i < 10 ? [9, 9] : RING[1])).flat()), game.reals)"""
    assert [page.evaluate(strays, n)["covered"] for n in (0, 2, 3)] == [1, 1, 2]
    assert page.evaluate(strays, 2)["good"] == 248 / 256
    # D's yes or no has no slope; the loss has one at it. A 0 is drawn below all powers of ten, and called 0.
    slope, factor = page.evaluate("() => [seen.slope, seen.factor]")
    assert slope == 0.0 < factor and page.inner_text("#slope") == "0"
    chart = page.locator(".chart").nth(1)
    assert chart.locator(".ends span").last.inner_text() == "0"
    heights = "node => [...node.getAttribute('d').matchAll(/[ML][\\d.]+ ([\\d.]+)/g)].map((m) => Number(m[1]))"
    assert set(chart.locator("path").evaluate(heights)) == {100}
    page.evaluate("() => { chose('yesno', false); oneStep(); }")
    drawn = chart.locator("path").evaluate(heights)
    assert 100 in drawn and max(h for h in drawn if h != 100) <= 50
    assert chart.locator("path").get_attribute("d").count("M") == 2  # no line from 0 to a power of ten
    assert page.evaluate("() => [shown(-0.392), shown(-1.5e-9)]") == ["−0.392", "−1.5·10⁻⁹"]


def test_every_choice_has_a_sentence_on_what_it_does(open_lab):
    page = open_lab("#batch=16")
    names = "[...Object.values(GROUPS).flat(), 'turns'].filter((n) => n !== 'objective')"  # which has its formula
    texts = f"(l) => {names}.map((n) => TEXTS[l][n + 'What'])"
    for language, end in (("en", "."), ("zh", "。")):
        assert all(text.endswith(end) for text in page.evaluate(texts, language))
        assert "_" not in page.evaluate("(l) => JSON.stringify([TEXTS[l].formulas, TEXTS[l].numbers])", language)

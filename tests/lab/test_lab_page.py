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


FOCUSED = "() => { const { id, dataset, name } = document.activeElement; return id || dataset.option || name || null; }"
PLAYS = "() => playing !== null"


def test_every_control_is_reached_by_tab_and_does_its_work(open_lab):
    """Refuses a control that Tab leaves out, and a button that has the focus but does nothing when it is pressed."""
    small = "batch=16&widthG=4&widthD=4&objective=wgan-gp"
    page = open_lab(f"#{small}&story=2")
    press, value = page.keyboard.press, page.evaluate

    def changes(expression, key="Enter"):
        before = value(expression)
        press(key)
        assert value(expression) != before, expression

    def choose(name):
        of = "() => byId('speed').value" if name == "speed" else f"() => game.options.{name}"
        before = value(of)
        press("ArrowUp" if name in ("objective", "speed") else "ArrowDown")
        if value(of) == before:  # it was the last
            press("ArrowUp")
        assert value(of) != before, name

    def pressed_twice(expression):
        changes(expression)
        changes(expression, "Space")

    def story_does():
        press("Enter")
        settled(page)
        assert value("() => slow.k === 1 && game.steps === 100")
        value("at => load(readState(at))", small)
        settled(page)

    def seed():
        page.keyboard.type("7")
        changes("() => game.options.seed")

    steps, story = "() => game.steps", "() => byId('story-title').textContent"
    acts = {
        **{name: (lambda name=name: choose(name)) for name in ["speed", *value("() => Object.keys(CHOICES)")]},
        "play": lambda: (changes(PLAYS, "Space"), changes(PLAYS)),
        **{name: lambda: pressed_twice(steps) for name in ("step", "turn-D", "turn-G")},
        "slow": lambda: pressed_twice("() => !!slow"),
        "again": lambda: changes(steps),
        "link": lambda: (press("Enter"), page.wait_for_selector("#notice:not(:empty)")),
        "language": lambda: pressed_twice("() => document.documentElement.lang"),
        "theme": lambda: pressed_twice("() => document.documentElement.dataset.theme"),
        "story-do": story_does, "story-next": lambda: changes(story), "story-previous": lambda: changes(story),
        "summary": lambda: pressed_twice("() => byId('story-answer').open"),
        "seed": seed,
        "data": lambda: changes("() => game.options.data", "ArrowRight"),
        **{name: (lambda name=name: pressed_twice_box(name)) for name in value("() => MISTAKES")},
    }  # fmt: skip

    def pressed_twice_box(name):
        changes(f"() => !!game.options.mistakes.{name}", "Space")
        assert page.locator(f"#what-{name}").inner_text().endswith(".")

    del acts["penalty"]  # it takes the place of the clipped weights: see below
    value("() => { navigator.clipboard.writeText = async () => {}; }")
    reached = []
    for _ in range(60):
        press("Tab")
        name = value("() => document.activeElement.tagName === 'SUMMARY' ? 'summary' : null") or value(FOCUSED)
        if name is None and reached:
            break
        if name in acts and name not in reached:
            reached.append(name)
            acts[name]()
            if name == "optimizer":  # β₁ is of Adam, the usual
                value("() => chose('optimizer', 'adam')")
            if name in ("again", "seed", "data"):
                settled(page)
    assert set(acts) - set(reached) == set()
    value("() => chose('objective', 'wgan-gp')")
    page.locator("[data-option=batch]").focus()
    for _ in range(3):
        press("Tab")
        if value(FOCUSED) == "penalty":
            break
    choose("penalty")
    value("() => document.activeElement.blur()")
    for key in ("ArrowRight", "d", "g"):
        changes(steps, key)
    changes(PLAYS, "Space")
    changes(PLAYS, "Space")


def address(page):
    """After the pictures that have been asked for."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate("() => location.hash")


def test_points_are_drawn_and_taken_away_by_mouse_and_by_keyboard(open_lab):
    """Refuses a press and a move that leave the point twice, points that nothing takes away, and a hidden limit."""
    page, drawn = open_lab("#data=drawn&batch=16"), "() => game.drawn"
    x, y = (page.locator("#field").bounding_box()[side] + 30 for side in "xy")
    page.mouse.move(x, y)
    page.mouse.down()
    for far in (0, 2, 15):  # the first two are the same place, or nearly
        page.mouse.move(x + far, y)
    page.mouse.up()
    assert len(page.evaluate(drawn)) == 2
    page.mouse.click(x + 16, y)
    page.locator("#field").focus()
    for key in ("Enter", "ArrowRight", "ArrowUp", "Enter", "Enter"):
        page.keyboard.press(key)
    first, middle, by_key = page.evaluate(drawn)
    assert first[0] < -1 and first[1] > 1 and middle == pytest.approx([0, 0], abs=2e-3)
    assert by_key == pytest.approx([0.1, 0.1], abs=2e-3)
    page.keyboard.press("Delete")
    assert page.evaluate(drawn) == [first, middle]
    again = open_lab(address(page))
    assert again.evaluate(drawn) == page.evaluate(drawn)
    inked = "() => byId('field').getContext('2d').getImageData(0, 0, 300, 300).data.some((v) => v > 0)"
    assert again.evaluate(inked)
    reals = again.evaluate("() => rowsOf(game.reals)")
    assert all(min(abs(p[0] - q[0]) + abs(p[1] - q[1]) for q in (first, middle)) < 0.4 for p in reals)
    page.evaluate("() => { for (let k = 0; k < 250; k++) edit('add', [[k / 100 - 1.2, 1]]); }")
    assert page.evaluate("() => game.drawn.length") == 200 and "no more" in page.inner_text("#drawn-count")
    page.click("#clear")
    assert page.evaluate("() => game.drawn.length") == 0 and not page.evaluate(inked)


def test_without_a_point_nothing_is_taught_and_a_trained_game_survives_a_click(open_lab):
    """Refuses a cloud in the middle that nobody drew, a click that throws networks away, a picture for every point."""
    page = open_lab("#data=drawn&batch=16&widthG=8&steps=5")
    assert (
        page.inner_text("#trouble").startswith("Draw some real points") and page.evaluate("() => game.reals.rows") == 0
    )
    for act in ("#play", "#step", "#turn-D", "#slow"):
        page.click(act)
    assert page.evaluate("() => [game.steps, playing, slow, seen.good, seen.covered]") == [0, None, None, 0, 0]
    page.evaluate("""() => {
        window.pictures = 0;
        const draw = drawPlane;
        drawPlane = (...all) => { pictures += 1; draw(...all); };
        for (let k = 0; k < 30; k++) edit("add", [[k / 15 - 1, 0.5]]);
    }""")
    address(page)
    assert page.evaluate("() => pictures") == 1 and page.is_hidden("#trouble")
    page.evaluate("() => { for (let k = 0; k < 4; k++) makeStep(game); }")
    trained = page.evaluate(WEIGHTS)
    page.locator("#field").click(position={"x": 20, "y": 20})
    page.evaluate("() => edit('drop', game.drawn.slice(0, 2))")
    assert page.evaluate(WEIGHTS) == trained and page.evaluate("() => game.steps") == 4
    page.keyboard.press("Escape")
    page.evaluate("() => { oneStep(); oneStep(); }")
    assert page.evaluate(WEIGHTS) != trained
    again = open_lab(address(page))
    assert again.evaluate("() => game.steps") == 6 and again.evaluate(WEIGHTS) == page.evaluate(WEIGHTS)


def test_what_is_no_number_stops_it_and_is_told_to_all(open_lab):
    """Refuses a state from the address, or a single step, that goes on with NaN, and a sentence for few readers."""
    wild = "optimizer=sgd&objective=least-squares&lrG=0.3&lrD=0.3&batch=16"
    page = open_lab(f"#{wild}&steps=400")
    at = page.evaluate("() => game.steps")
    assert at < 100 and f"At step {at} " in page.inner_text("#trouble")
    page.keyboard.press("ArrowRight")
    page.click("#play")
    assert page.evaluate("() => [game.steps, playing]") == [at, None]
    stepped = open_lab(f"#{wild}&steps={at - 1}")
    assert stepped.is_hidden("#trouble")
    stepped.keyboard.press("ArrowRight")
    assert f"At step {at} " in stepped.inner_text("#trouble") == stepped.inner_text("#spoken")
    stepped.click("#again")
    assert stepped.is_hidden("#trouble")


PACE = """(speed) => new Promise((done) => {
    byId("speed").value = speed;
    const [step, draw, charts] = [makeStep, drawPlane, drawCharts], now = () => performance.now();
    const taken = { steps: 0, pictures: 0, charts: 0, drawn: 0 };
    const wait = (ms) => { for (const until = now() + ms; now() < until;); };
    makeStep = (game) => { const t = now(); step(game); taken.steps += now() - t; };
    drawPlane = () => { const t = now(); wait(40); taken.drawn += now() - t; taken.pictures += 1; };
    drawCharts = () => { taken.charts += 1; };
    play();
    setTimeout(() => { [makeStep, drawPlane, drawCharts] = [step, draw, charts]; pause(); done(taken); }, 1500);
})"""


def test_where_a_picture_takes_long_more_steps_are_made_for_each(open_lab):
    """Refuses a fixed budget of steps a picture, which leaves a slow machine nearly all its time for drawing."""
    page = open_lab("#batch=16&widthG=8", reduced_motion="no-preference")
    taken = page.evaluate(PACE, "faster")
    assert taken["steps"] > taken["drawn"]
    taken = page.evaluate(PACE, "slower")  # a picture for each step, but not the curves for each
    assert taken["pictures"] > 2 and taken["charts"] <= 8


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


def test_slow_motion_tells_which_of_several_turns_of_D_it_shows(open_lab):
    """Refuses "Frame 1 of 12" three times in one step, and factors of other fakes than those of the frame."""
    page = open_lab("#batch=16&objective=wgan-gp&critic=3&slow=8")
    assert page.inner_text("#frame-title") == "Frame 8 of 24: Fakes (D's turn 2 of 3)"
    assert [page.inner_text(f"#{id_}") for id_ in ("norm-D", "norm-G", "difference", "factor", "slope")] == ["–"] * 5
    page.evaluate("() => { while (slow.at !== 'border') nextFrame(); }")
    assert page.inner_text("#frame-title") == "Frame 22 of 24: The border" and page.inner_text("#factor") == "1"
    slope = page.evaluate("() => shown(slopeOf(game.D, forward(game.D, game.last.fake)))")
    assert page.inner_text("#slope") == slope
    page.evaluate("() => { chose('turns', 'G'); toggleSlow(); nextFrame(); nextFrame(); }")
    assert page.inner_text("#frame-title") == "Frame 3 of 8: G's turn: D's logits"


def test_the_address_tells_how_it_is_looked_at(open_lab):
    """Refuses a copied link that opens in another language, or at the story's beginning."""
    page = open_lab("?hide=curves&lang=zh#story=3&batch=16&steps=2")
    page.click("#language")
    page.click("#story-next")
    page.select_option("#speed", "faster")
    page.click("#slow")
    page.click("#step")
    assert page.evaluate("() => location.search") == "?hide=curves"
    assert page.evaluate("() => location.hash") == "#batch=16&steps=2&story=4&speed=faster&lang=en&slow=2"
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    page.click("#link")
    assert "nowhere on another computer" in page.inner_text("#notice")
    again = open_lab(page.evaluate("() => copied"), locale="zh-CN")
    assert again.evaluate("() => [told, byId('speed').value, language, slow.k, game.steps]") == [
        3,
        "faster",
        "en",
        2,
        2,
    ]


def test_fakes_outside_the_plane_are_counted_at_their_side(open_lab):
    """Refuses an empty square without a word."""
    page = open_lab("#swapped=1&lrG=0.03&steps=80&batch=16")
    far = page.evaluate("() => Object.values(outside(seen.fakes)).reduce((a, b) => a + b)")
    assert far > 100 and f"{far} of 256 fakes are outside" in page.inner_text("#outside")
    assert page.inner_text("#outside") in page.get_attribute("#plane", "aria-label")
    sides = page.evaluate("() => outside(matrix(5, 2, [-2, 0, 3, 1, 0, 9, 1, -1.6, 1.4, 1.4]))")
    assert sides == {"left": 1, "right": 1, "above": 1, "below": 1}


def test_a_seed_that_is_none_is_refused_in_words(open_lab):
    """Refuses a field that says −5 above a game of seed 1."""
    page = open_lab("#batch=16")
    page.fill("[data-option=seed]", "-5")
    page.keyboard.press("Enter")
    assert page.input_value("[data-option=seed]") == "1" and "whole number" in page.inner_text("#seed-wrong")
    page.fill("[data-option=seed]", "5")
    page.keyboard.press("Enter")
    assert page.evaluate("() => game.options.seed") == 5 and page.is_hidden("#seed-wrong")


def test_on_a_phone_what_is_told_of_stands_under_the_plane(open_lab):
    """Refuses a frame of slow motion, or the numbers the story tells of, below the window or behind the buttons."""
    page = open_lab("#batch=16&widthD=8&steps=2&story=3", viewport={"width": 320, "height": 640})
    page.evaluate("() => toPlane()")
    inside = "(id) => byId(id).getBoundingClientRect().bottom <= byId('player').getBoundingClientRect().top"
    for id_ in ("plane", "norm-D", "answer-fake", "slope"):
        assert page.evaluate(inside, id_), id_
    page.click("#slow")
    page.evaluate("() => scrollTo(0, 0)")
    for _ in range(9):
        page.click("#step")
        assert page.evaluate(inside, "frame-text") and page.evaluate(inside, "frame-numbers")
        assert page.evaluate("() => byId('plane').getBoundingClientRect().top >= 0")


def test_who_asked_for_no_motion_gets_a_picture_now_and_then(open_lab):
    page = open_lab("#batch=16")
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # else time goes on by itself, on a slow machine past the first picture
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


def test_what_is_hidden_leaves_nothing_behind(open_lab):
    """Refuses an empty column, a drawing field without its data, a turn's buttons and keys without the turns."""
    page = open_lab("?hide=data,detach,lrG,turns,seed,sizes#data=drawn&points=i0i0")
    gone = ("#drawing", "#turn-D", "#turn-G", "#turns", "#mistakes [name=attached]", "[data-option=lrG]", "#anew")
    assert [page.is_visible(name) for name in gone] == [False] * len(gone)
    assert page.is_visible("[data-option=lrD]") and page.is_visible("#mistakes [name=stale]")
    page.keyboard.press("d")
    assert page.inner_text("#steps") == "0"
    names = page.evaluate("() => [...Object.values(GROUPS).flat(), ...MISTAKES, ...CHOICES.data].join()")
    page = open_lab(f"?hide={names}")
    assert [page.is_visible(id_) for id_ in ("#left", "#choices", "#data", "#mistakes")] == [False] * 4
    assert page.is_visible("#plane")


def test_a_sentence_of_a_choice_is_shown_where_there_is_one(open_lab):
    page = open_lab("#batch=16")
    page.evaluate("() => { TEXTS.en.lrGWhat = TEXTS.en.turnsWhat = 'How far G goes in a step.'; repaint(); }")
    assert page.get_attribute("#turns", "aria-description") == "How far G goes in a step."
    page.locator("[data-option=lrG]").focus()
    assert page.get_attribute("[data-option=lrG]", "aria-description") == page.get_attribute("#choice-lrG", "title")
    assert page.inner_text(".what") == "How far G goes in a step."
    tops = page.evaluate("() => ['lrG', 'lrD'].map((name) => byId(`choice-${name}`).offsetTop)")
    assert tops[0] == tops[1]
    page.evaluate("() => document.activeElement.blur()")
    assert page.locator(".what").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing(open_lab, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_lab(
        "#steps=3&batch=16&data=drawn&points=8cb4i0i0", color_scheme=scheme, viewport={"width": width, "height": 720}
    )
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

"""The page in a browser: all of it by keyboard, news as they come, hostile words stay words, nothing from elsewhere."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from made_runs import line, lines

from minigan.watch.server import Runs, WatchServer

pytestmark = pytest.mark.host_only("a page of files")

GRIDS = ("reals", "e000", "e001", "e002")
SCORES = {"step": 400, "epoch": 1, "fid": 12.5, "modes": 3}
REAL = {"fid": 0.25, "modes": 8}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> &amp; <!--"


@pytest.fixture
def open_page(browser):
    """Opens the page of runs. At the end: no error was written, and nothing was asked of any other place."""
    begun, contexts, trouble = [], [], []

    def notebook(cell):
        class Notebook(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(cell.encode())

            def log_message(self, *_):
                pass

        other = ThreadingHTTPServer(("127.0.0.1", 0), Notebook)
        thread = threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        begun.append((other, thread))
        return f"http://127.0.0.1:{other.server_address[1]}/"

    def open_(runs, at="", fine=(), framed=False, **options):
        server = WatchServer(Runs(runs), port=0, framed=framed)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        begun.append((server, thread))
        context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(120_000)  # of a machine that has much else to do
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: said.type == "error" and said.text not in fine and trouble.append(said.text))
        own = f"127.0.0.1:{server.port}"
        page.on("request", lambda r: urlsplit(r.url).netloc in ("", own) or framed or trouble.append(r.url))
        if framed:
            page.goto(notebook(f"<!doctype html><iframe src='{server.url}{at}' width='900' height='700'></iframe>"))
            page.frame_locator("iframe").locator(".panel h2").wait_for()
            return page.frames[1]
        page.goto(server.url + at)
        page.wait_for_selector(".panel h2")
        return page

    yield open_
    for context in contexts:
        context.close()
    for server, thread in begun:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not trouble


@pytest.fixture
def run(make_run, trace):
    """A run with something of everything, which has lost some modes."""
    folder = make_run([*lines(20), SCORES], grids=GRIDS, real_scores=REAL)
    (folder / "trace" / "s000300.json").write_text(trace.to_json())
    return folder


def until(page, holds):
    """Wait until an expression holds. (The page's policy forbids that a script of it looks: that would be `eval`.)"""
    deadline = time.monotonic() + 120
    while not page.evaluate(holds):
        assert time.monotonic() < deadline, holds
        page.wait_for_timeout(20)


def told(page, name):
    """The value that a chart tells."""
    return float(page.locator(".legend li", has_text=name).locator("data").first.get_attribute("value"))


def test_all_that_the_folder_says_is_there(run, trace, open_page):
    page = open_page([run])
    assert "step 400 of 1,000" in page.inner_text(".where") and "left" in page.inner_text(".where")
    latest = line(400)
    for name, figure in (
        ("loss of D", "loss_D"),
        ("D(x)", "D_x"),
        ("D(G(z))", "D_G_z"),
        ("border norm", "border_norm"),
    ):
        assert told(page, name) == latest[figure]
    fid = page.locator("#scores .chart", has_text="fid")
    assert [d.get_attribute("value") for d in fid.locator("data").all()] == ["12.5", "0.25"]
    assert "lower is better" in fid.inner_text() and fid.locator("line.real").count() == 1
    assert page.inner_text("#broken h2") == "Modes are missing" and "--pac 2" in page.inner_text(
        "#broken code >> nth=0"
    )
    door = next(c for c in trace.border_gradients if c.kind == "carried").at_output.norm
    assert page.locator(f'#norms data[value="{door!r}"]').count() >= 1
    assert page.locator("#norms a").get_attribute("href") == page.locator(".links a").get_attribute("href")


def test_without_a_trace_it_says_how_to_get_the_gradient_layer_by_layer(make_run, open_page):
    running, ended = make_run(lines(5)), make_run(lines(5), "00001-mlp-mnist-s1", state="done")
    for run, button in ((running, True), (ended, False)):
        page = open_page([run])
        said = page.inner_text("#norms-section")
        assert "--trace-every 100" in said and ("“Trace the next step”" in said) is button
        assert page.is_visible(".ask") is button


def test_news_come_while_the_run_goes_on_until_it_is_deleted(run, open_page):
    page = open_page([run])
    with open(run / "stats.jsonl", "a") as file:
        file.write(json.dumps(line(420, loss_D=3.5)) + "\n" + json.dumps(line(440))[:40])
    until(page, "document.querySelector('.where').textContent.includes('step 420')")
    assert told(page, "loss of D") == 3.5
    (run / "samples" / "e003.png").write_bytes((run / "samples" / "e000.png").read_bytes())
    page.evaluate("refresh()")
    until(page, "document.querySelector('.of').textContent.includes('epoch 3, the newest (4 of 4)')")
    run.rename(run.with_name("gone"))
    page.evaluate("refresh()")
    until(page, "document.querySelector('#trouble').textContent.startsWith('There is no run here')")
    assert page.locator(".panel").count() == 0


def test_when_the_server_ends_the_page_says_so_and_keeps_what_it_has(run, open_page):
    page = open_page([run], fine=["Failed to load resource: net::ERR_FAILED"])
    page.route("**/*", lambda route: route.abort())
    page.evaluate("refresh()")
    until(page, "document.querySelector('#trouble').textContent.startsWith('The server has ended')")
    assert page.is_visible("#trouble") and told(page, "loss of D") == 1.2


def test_the_samples_grow_under_the_slider_and_stand_beside_real_ones(run, open_page):
    page = open_page([run])
    shown = "document.querySelector('.stage img:not(.under)').src.match(/samples.(.+).png/)[1]"
    assert page.evaluate(shown) == "e002"
    page.locator(".scrub input").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(shown) == "e001" and "epoch 1 (2 of 3)" in page.inner_text(".of")
    page.keyboard.press("Home")
    assert page.evaluate(shown) == "e000" and "before the first step" in page.inner_text(".of")
    page.evaluate("refresh()")
    page.wait_for_timeout(100)
    assert page.evaluate(shown) == "e000"  # what one looks at stays
    page.click("text=Real ones")
    assert page.evaluate(shown) == "reals"
    page.clock.install()
    page.click("[aria-label='Play from the first samples']")
    page.clock.run_for(5000)
    assert page.evaluate(shown) == "e002" and page.locator("[aria-label='Play from the first samples']").count() == 1


def test_all_charts_follow_one_cursor(make_run, open_page):
    page = open_page([make_run([line(20 * i, loss_D=float(i), border_norm=1 / i) for i in range(1, 11)])])
    page.locator("#curves svg[role=img]").first.focus()
    for key, step in (("ArrowLeft", 9), ("ArrowLeft", 8), ("Home", 1), ("ArrowRight", 2), ("End", 10)):
        page.keyboard.press(key)
        assert told(page, "loss of D") == step and told(page, "border norm") == pytest.approx(1 / step)
    page.keyboard.press("Home")
    assert "Losses, at step 20: loss of D 1.00" in page.inner_text("#spoken")
    page.keyboard.press("Escape")
    assert told(page, "loss of D") == 10


def test_a_trace_is_asked_for_and_opens(run, trace, open_page):
    page = open_page([run])
    page.locator(".ask").focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.tracing .hint').textContent.startsWith('Asked')")
    page.wait_for_timeout(100)
    assert (run / "trace.request").exists()
    (run / "trace" / "s000421.json").write_text(trace.to_json())
    (run / "trace.request").unlink()
    page.wait_for_url("**/run/0/trace/421*")
    assert page.inner_text("#title") == trace.frames[0].title
    page.go_back()
    page.wait_for_selector(".links >> text=step 421")


def test_in_a_notebooks_cell_a_link_to_what_was_traced_stays(run, trace, open_page):
    """A cell has no way back from a page that opens in it: the link must not go with the next news."""
    cell = open_page([run], framed=True)
    cell.locator(".ask").click()
    until(cell, "document.querySelector('.tracing .hint').textContent.startsWith('Asked: a link')")
    (run / "trace" / "s000421.json").write_text(trace.to_json())
    (run / "trace.request").unlink(missing_ok=True)
    for figures in (line(420), line(440)):
        with open(run / "stats.jsonl", "a") as file:
            file.write(json.dumps(figures) + "\n")
        cell.evaluate("refresh()")
        until(cell, f"document.querySelector('.where').textContent.includes('step {figures['step']}')")
        assert cell.locator(".tracing .hint").first.inner_text() == "Step 421 was traced."
    assert cell.locator(".tracing .hint a").get_attribute("target") == "_blank" and "/trace/" not in cell.url


def test_several_runs_are_laid_over_each_other(run, make_run, open_page):
    other = make_run(lines(5, loss_D=7.0), "00001-wgan-mnist-s0")
    page = open_page([run, other])
    assert page.locator(".panel").count() == 1
    page.locator("#runs button").nth(1).focus()
    page.keyboard.press("Space")
    until(page, "document.querySelectorAll('.panel').length === 2")
    assert told(page, "loss of D, 00000") == 1.2 and told(page, "loss of D, 00001") == 7.0
    assert page.inner_text("#broken h2") == f"Modes are missing: {run.name}"
    assert page.evaluate("location.hash") == f"#{run.name}&{other.name}"
    page.reload()
    until(page, "document.querySelectorAll('.panel').length === 2")
    page.locator("#runs button").nth(0).click()
    until(page, "document.querySelectorAll('.panel').length === 1")
    page.locator("#runs button").nth(1).click()  # the last one stays
    page.wait_for_timeout(100)
    assert page.inner_text(".panel h2") == other.name


def test_hostile_words_stay_words(make_run, open_page):
    folder = make_run(
        lines(3), state="failed", message=f"nan {HOSTILE}", figure_labels={"D_x": HOSTILE}, config={"model": HOSTILE}
    )
    page = open_page([folder])
    assert HOSTILE in page.inner_text("#broken") and HOSTILE in page.inner_text("#curves")
    assert page.locator("img:not(.stage img)").count() == 0 and page.locator("script").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing_and_each_control_is_reached_by_tab(run, make_run, open_page, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    other = make_run(lines(5), "00001-wgan-mnist-s0", state="done")
    page = open_page([run, other], f"#{run.name}&{other.name}", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 700})
    until(page, "document.querySelectorAll('.panel').length === 2")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    found = axe.run(page)
    assert not found.violations_count, found.generate_report()
    reached = set()
    page.evaluate("document.activeElement.blur()")
    page.evaluate("""() => {
        const all = [...document.querySelectorAll("button, a, input, summary, [tabindex='0']")];
        window.controls = all.filter((e) => e.checkVisibility() && !e.disabled);
    }""")
    for _ in range(page.evaluate("controls.length")):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("controls.indexOf(document.activeElement)"))
    assert reached >= set(range(page.evaluate("controls.length")))


def test_the_theme_is_the_systems_until_it_is_chosen(run, open_page):
    page = open_page([run], color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.click("#theme")
    assert page.evaluate(paper) != dark and page.get_attribute("#theme", "aria-pressed") == "false"

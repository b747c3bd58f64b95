"""How long a step of the lab takes in a browser: the fastest of many, at 256 points, by objective.

Needs `pip install minigan[browser]` and Chromium. On a busy AMD EPYC (Zen 4):
4.8 to 5.2 ms, the critics 6.7 and 6.9 ms.
"""

import shutil

from playwright.sync_api import sync_playwright

from minigan.lab import lab_page

MEASURE = """(objective) => {
    const game = newGame({ objective, batch: 256 }), times = [];
    for (let k = 0; k < 150; k++) {
        const begun = performance.now();
        makeStep(game);
        times.push(performance.now() - begun);
    }
    return Math.min(...times);
}"""

if __name__ == "__main__":
    with sync_playwright() as p, p.chromium.launch(executable_path=shutil.which("chromium")) as browser:
        page = browser.new_page()
        page.set_content(lab_page())
        for objective in page.evaluate("() => Object.keys(OBJECTIVES)"):
            print(f"{objective:15} {page.evaluate(MEASURE, objective):5.2f} ms")

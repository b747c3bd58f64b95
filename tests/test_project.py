"""What surrounds the package agrees with it: version, changelog, workflow, and the check of the API reference."""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import json
import re
from pathlib import Path

import pytest

import minigan

ROOT = Path(__file__).resolve().parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")

pytestmark = pytest.mark.host_only("files of the repository")


@pytest.fixture(scope="module")
def api():
    spec = importlib.util.spec_from_file_location("api", ROOT / ".ci" / "api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == minigan.__version__ and headings[-1] == "0.1.0"


def test_the_workflow_tests_the_versions_of_python_that_are_promised():
    promised = re.findall(r":: (3\.\d+)$", SETUP["metadata"]["classifiers"], re.MULTILINE)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    (matrix,) = re.findall(r"python: \[(.+)\]", workflow)
    assert re.findall(r"[\d.]+", matrix) == promised
    assert SETUP["options"]["python_requires"] == f">={promised[0]}"


def test_the_files_that_contributing_names_are_there():
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w./-])[\w./-]+(?:\.py|\.md|/)(?![\w/.])", text.replace("](../", "]("))
    fixed = {name for name in named if not re.search("FAMILY|NAME|NN", name)} - {"build/api/"}
    assert len(fixed) > 25
    assert {name for name in fixed if not ((ROOT / name).exists() or (ROOT / "minigan" / name).exists())} == set()


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/mathjax.js"></script>', '<link rel="stylesheet" href="//cdn.example/a.css">',
        '<img src="HTTP://example/logo.png">', "<style>@import 'https://fonts.example/f.css';</style>",
        '<style>@font-face { src: url("https://fonts.example/f.woff2") }</style>', '<img srcset="https://example/2.png">',
        '<p style="background: url(https://example/b.png)">', '<iframe src="https://example/"></iframe>',
        '<style>a { background: url("data:image/svg+xml,%3Csvg") } b { background: url(//example/b.png) }</style>',
    ],
)  # fmt: skip
def test_a_page_that_loads_from_another_host_is_noticed(html, api):
    assert len(api.Loaded(f"<p>before</p>{html}<p>after</p>").addresses) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example/">a link</a>', '<script src="search.js"></script>', '<link href="custom.css">',
        '<img src="data:image/svg+xml,http://www.w3.org/2000/svg">', "<p>url(https://example/) in a text</p>",
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>', "<style>a { background: url(data:image/png,) }</style>",
    ],
)  # fmt: skip
def test_a_page_that_does_not_is_not(html, api):
    assert api.Loaded(html).addresses == []


def test_kept_figures_stand_beside_new_ones_and_are_replaced_one_by_one(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmarks")
    results = importlib.import_module("results")
    script = str(tmp_path / "compare.py")
    results.show_beside_kept(script, {"mlp": {"ratio": 0.94}})
    assert "mlp  ratio 0.94   none kept" in capsys.readouterr().out and not list(tmp_path.iterdir())
    results.keep(script, {"mlp": {"ratio": 0.94}, "dcgan28": {"ratio": 0.86}}, "numpy", "no-such-package")
    results.keep(script, {"mlp": {"ratio": 0.9}})
    results.show_beside_kept(script, {"mlp": {"ratio": 0.88}, "dcgan28": {"ratio": 0.87}})
    shown = capsys.readouterr().out
    assert "mlp      ratio 0.88 (0.9)   kept 20" in shown and "dcgan28  ratio 0.87 (0.86)   kept 20" in shown
    kept = results.kept(script)["dcgan28"]
    assert kept["cores"] >= 1 and kept["versions"].keys() == {"python", "minigan", "numpy"}


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "benchmarks").glob("*.json")), ids=lambda path: path.name)
def test_what_is_kept_says_when_and_where_it_was_measured(path):
    assert path.with_suffix(".py").is_file()
    for entry in json.loads(path.read_text(encoding="utf-8")).values():
        assert {"date", "machine", "cores", "versions"} < entry.keys()
        assert {"python", "minigan", "numpy"} < entry["versions"].keys()

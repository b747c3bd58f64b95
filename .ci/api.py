"""Builds the API reference from the docstrings, with pdoc: python .ci/api.py [FOLDER], by default build/api.

Fails if a page would load anything from another host.
"""

from __future__ import annotations

import pkgutil
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path

LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction"}  # attributes, of any tag


class Loaded(HTMLParser):
    """Collects the addresses on other hosts that a page loads by itself. A link one may follow is not loaded."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        for name, value in attributes:
            loads = name in LOADING or (name == "href" and tag in ("link", "base", "image", "use"))
            if loads and is_elsewhere(value or ""):
                self.addresses.append(value or "")
            if name == "style":
                self.addresses += in_css(value or "")

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.addresses += in_css(data)


def is_elsewhere(address: str) -> bool:
    """Whether an address is on another host: https://…, http://…, //…"""
    return address.strip().lower().startswith(("http:", "https:", "//"))


def in_css(css: str) -> list[str]:
    """The addresses on other hosts that a style sheet loads: @import "…", url(…)."""
    starts = ("url(", "@import")
    pieces = [css[i + len(s) :].strip(" '\"") for s in starts for i in range(len(css)) if css.startswith(s, i)]
    return [piece.split(")")[0].strip(" '\"") for piece in pieces if is_elsewhere(piece)]


def main(folder: Path) -> int:
    """Build, check, and say what was done; the exit code."""
    import pdoc

    import minigan

    names = [module.name for module in pkgutil.walk_packages(minigan.__path__, "minigan.")]
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    templates = Path(__file__).resolve().parent / "pdoc"
    pdoc.render.configure(template_directory=templates, footer_text=f"minigan {minigan.__version__}")
    for known in ("The module specification", "Error parsing type annotation"):  # found twice; of a NamedTuple's fields
        warnings.filterwarnings("ignore", known)
    pdoc.pdoc("minigan", *public, output_directory=folder)
    pages = sorted(folder.rglob("*.html"))
    foreign = {page: found for page in pages if (found := Loaded(page.read_text(encoding="utf-8")).addresses)}
    for page, found in foreign.items():
        print(f"{page} would load {', '.join(found)}", file=sys.stderr)
    print(f"{len(pages)} pages in {folder}: open {folder}/index.html")
    return 1 if foreign else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/api")))

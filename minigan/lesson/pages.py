"""Lessons as notebooks, executed, and as pages that load nothing from elsewhere."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from minigan.extras import install_command
from minigan.lesson.cells import LessonError, text_of
from minigan.lesson.language import language
from minigan.lesson.places import lessons
from minigan.lesson.translation import laid_over, title
from minigan.training.atomic import write_atomically

PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --paper: #fff; --ink: #1d1d1f; --faint: #f4f4f6; --line: #d8d8de; --link: #5e3c99; }}
body {{ background: var(--paper); color: var(--ink); font: 1.05rem/1.6 system-ui, sans-serif; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }}
h1, h2, p, ul, ol {{ max-width: 42rem; line-height: 1.5; }}
a {{ color: var(--link); }}
a.anchor-link {{ display: none; }}
pre, code {{ font: 0.8rem/1.5 ui-monospace, monospace; }}
p code, li code {{ font-size: 0.9em; }}
pre {{ overflow-x: auto; padding: 0.6rem 0.75rem; margin: 0.75rem 0; }}
.text_cell_render pre {{ background: var(--faint); max-width: 42rem; }}
.output pre {{ border-left: 3px solid var(--line); }}
img {{ max-width: 100%; background: #fff; border-radius: 4px; }}
{light}
@media (prefers-color-scheme: dark) {{
:root {{ --paper: #16161a; --ink: #e6e6ea; --faint: #222228; --line: #44444c; --link: #b9a2e8; }}
{dark}
}}
.highlight {{ background: var(--faint); }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def build(out: Path) -> Iterator[Path]:
    """Make each lesson an executed notebook and an HTML page in `out`, one on each core at a time; the paths, in order,
    as they are written.

    Raises: LessonError without jupytext and nbconvert.
    """
    try:
        import jupytext
        import nbconvert
        from nbconvert.preprocessors import ExecutePreprocessor
        from pygments.formatters import HtmlFormatter
    except ModuleNotFoundError as error:
        raise LessonError(f"building lessons needs {error.name}: {install_command('lessons')}") from None
    out.mkdir(parents=True, exist_ok=True)
    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark"))

    def build_one(path: Path) -> list[Path]:
        notebook = jupytext.reads(laid_over(text_of(path), broken=False), fmt="py:percent")
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        runner = ExecutePreprocessor(timeout=300, extra_arguments=["--IPKernelApp.log_level=40"])  # errors only
        runner.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
        to_body = nbconvert.HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
        body, _ = to_body.from_notebook_node(notebook)
        page = PAGE.format(language=language(), title=html.escape(title(path)), body=body, light=light, dark=dark)
        texts = {".ipynb": nbconvert.NotebookExporter().from_notebook_node(notebook)[0], ".html": page}
        written = [out / (path.stem + suffix) for suffix in texts]
        for file, text in zip(written, texts.values(), strict=True):
            write_atomically(file, text.encode())
        return written

    # A thread waits for its notebook's process.
    with ThreadPoolExecutor(os.cpu_count() or 1) as executor:
        for written in executor.map(build_one, lessons()):
            yield from written

"""The package as a whole: what importing it costs, which room may import from which, what is documented."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigan

ROOT = Path(minigan.__file__).resolve().parent
FILES = sorted(ROOT.rglob("*.py"))

# The rooms of the house, from the ground up: each imports only from those above it in this list.
ROOMS = [
    "openblas", "startup", "renamed", "files", "terminal", "formatting", "table", "importing", "extras", "options",
    "backend", "kernels", "autograd", "functions", "nn", "optim", "models", "objectives", "penalties", "data",
    "metrics", "algorithms", "recipes", "trace", "training", "experiments", "testing", "lesson", "doctor", "lab",
    "watch", "cli",
]  # fmt: skip
KNOW_LITTLE = {
    "testing": {"renamed", "formatting", "extras", "importing", "backend", "kernels", "autograd", "functions"},
    "kernels": {"backend"},
}

# Array work goes through the array's own module, so that it runs on a GPU. These files are about the host.
ON_THE_HOST = {"nn/init.py": "a QR decomposition of freshly drawn numbers"}
DEVICE_ROOMS = ("functions", "nn", "optim", "models", "objectives", "penalties", "algorithms")
# The rest of training writes files and pictures, and that of data reads them.
DEVICE_FILES = (
    "training/trainer.py", "training/stepping.py", "training/ema.py", "training/callbacks/stats.py",
    "training/callbacks/nonfinite.py", "data/loader.py", "data/prefetch.py",
)  # fmt: skip

# Where a reader holds the code beside a paper, or looks for what happens when.
SMALL_ROOMS = ("algorithms", "training")
LINES, METHODS = 250, 12
WIDER = {"Algorithm": "it names all that an algorithm of one's own may define, and all that its step may use"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The full names of all modules a file imports anywhere, with `from m import n` as "m.n"."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = ("minigan", *path.relative_to(ROOT).parent.parts)
                base = ".".join([*package[: len(package) + 1 - node.level], *([base] if base else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_importing_minigan_brings_in_no_heavy_guest():
    guests = ["matplotlib", "torch", "tensorflow", "jax", "cupy", "PIL", "tqdm", "safetensors", "scipy", "pandas"]
    code = f"import sys, minigan; print([m for m in {guests} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("before", "given", "found"),
    [("", None, "18"), ("", "26", "26"), ("import numpy; ", None, "None")],
    ids=["unasked", "asked for", "NumPy was first"],
)
def test_openblas_threads_soon_sleep_unless_somebody_wants_otherwise(before, given, found):
    name = "OPENBLAS_THREAD_TIMEOUT"
    environment = {key: value for key, value in os.environ.items() if key != name} | ({name: given} if given else {})
    code = f"{before}import minigan, os; print(os.environ.get('{name}'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == found


@pytest.mark.parametrize("path", [p for p in FILES if p != ROOT / "__init__.py"], ids=name)
def test_a_room_imports_only_from_rooms_above_it(path):
    room = room_of(path)
    assert room in ROOMS or room == "__main__", f"{name(path)} stands in no room of the house"
    if room == "__main__":
        return
    above = KNOW_LITTLE.get(room, set(ROOMS[: ROOMS.index(room)])) | {room}
    for full in imported(path):
        first, *rest = full.split(".")
        if first == "minigan" and rest and rest != ["__version__"]:
            assert rest[0] in above, f"{name(path)} imports {full}"
        elif full == "minigan":
            assert room in ("doctor", "cli"), f"{name(path)} imports the whole package"


def modules_imported(path: Path) -> set[str]:
    """The package's modules that a file imports anywhere, also where only a type checker looks."""
    modules = {module_of(other) for other in FILES}
    names = {full for full in imported(path) if full.startswith("minigan")}
    return {full if full in modules else full.rpartition(".")[0] for full in names} & modules


def module_of(path: Path) -> str:
    return ".".join(["minigan", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


def test_no_modules_import_each_other_in_a_circle():
    imports = {module_of(path): modules_imported(path) for path in FILES if path != ROOT / "__init__.py"}
    while outside := [m for m in imports if not imports[m] & imports.keys() or m not in set().union(*imports.values())]:
        for module in outside:  # it imports none of those that are left, or none of them imports it
            del imports[module]
    assert not imports, "these import each other in a circle, or stand between two that do"


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in DEVICE_ROOMS or name(p) in DEVICE_FILES], ids=name)
def test_array_work_asks_the_array_for_its_module(path):
    if name(path) not in ON_THE_HOST:
        guests = {full.split(".")[0] for full in imported(path)} & {"numpy", "cupy", "scipy"}
        assert not guests, f"{name(path)} imports {guests}"


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) == "functions"], ids=name)
def test_functions_know_no_devices_and_no_order_in_memory(path):
    words = "device", "cupy", "on_gpu", "flags", "strides", "PIXELS_FIRST"
    found = {identifier for identifier in identifiers(path) if any(word in identifier for word in words)}
    assert not found, f"{name(path)}: {found} belong into a kernel"


@pytest.mark.parametrize("path", [p for p in FILES if p.parent == ROOT / "kernels"], ids=name)
def test_cpu_or_cuda_is_chosen_in_one_place(path):
    if name(path) != "kernels/dispatch.py":
        assert not identifiers(path) & {"is_on_gpu", "cuda", "suits", "cupy"}
        assert not any(isinstance(n, ast.Constant) and n.value in ("cupy", "numpy") for n in nodes(path))
        assert not any(full.startswith("minigan.kernels.cuda") for full in imported(path))


def test_every_cuda_version_is_one_of_a_kernel():
    for path in (ROOT / "kernels" / "cuda").glob("*.py"):
        if path.stem != "__init__":
            here = {n.name for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)}
            assert {n for n in here if not n.startswith("_")} == with_cuda_version(ROOT / "kernels" / path.name)


def with_cuda_version(path: Path) -> set[str]:
    functions = [n for n in nodes(path) if isinstance(n, ast.FunctionDef)]
    return {f.name for f in functions if any(ast.unparse(d) == "has_cuda_kernel" for d in f.decorator_list)}


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def identifiers(path: Path) -> set[str]:
    """All names in a file, of variables, attributes, arguments and what is imported."""
    parts = {ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg", ast.keyword: "arg", ast.alias: "name"}
    return {getattr(n, parts[type(n)]) or "" for n in nodes(path) if type(n) in parts}


def test_the_exceptions_are_still_needed():
    assert all("numpy" in {full.split(".")[0] for full in imported(ROOT / path)} for path in ON_THE_HOST)


def test_the_files_that_are_about_devices_are_there():
    assert {name(path) for path in FILES} >= set(DEVICE_FILES)


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in SMALL_ROOMS], ids=name)
def test_files_and_classes_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES, f"{name(path)} is longer than a reader takes in"
    wide = {c: n for c, n in public_methods(text).items() if n > METHODS}
    assert wide.keys() <= WIDER.keys(), f"{name(path)}: too many methods to know what the class is: {wide}"


def test_the_wider_classes_are_wider():
    texts = [path.read_text(encoding="utf-8") for path in FILES if room_of(path) in SMALL_ROOMS]
    found = {c: n for text in texts for c, n in public_methods(text).items()}
    assert all(found[c] > METHODS for c in WIDER)


def public_methods(text: str) -> dict[str, int]:
    """How many each class has; a property is none."""
    classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    functions = {c.name: [f for f in c.body if isinstance(f, ast.FunctionDef)] for c in classes}
    return {c: sum(not f.name.startswith("_") and not is_property(f) for f in fs) for c, fs in functions.items()}


def is_property(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) in ("property", "cached_property") for decorator in function.decorator_list)


def is_overload(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether it only says a type: what is overloaded has its docstring at its definition."""
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_is_public_is_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    defined = [node for node in tree.body if isinstance(node, kinds) and not is_overload(node)]
    bare = [node.name for node in defined if not ast.get_docstring(node)]
    assert ast.get_docstring(tree), f"{name(path)} has no docstring"
    assert not [n for n in bare if not n.startswith("_")]


def test_the_names_promised_are_there():
    assert all(hasattr(minigan, promised) for promised in minigan.__all__)
    for module in (minigan.functions, minigan.nn):
        assert all(hasattr(module, promised) for promised in module.__all__)
    promised = "Module Sequential Dense Conv2d ConvTranspose2d BatchNorm LayerNorm InstanceNorm SpectralNorm"
    promised += " SelfAttention LeakyReLU ReLU Tanh Sigmoid Dropout Flatten Reshape Embedding frozen"
    assert set(promised.split()) <= set(minigan.nn.__all__)
    promised = "dense conv2d conv_transpose2d batch_norm layer_norm instance_norm pixel_norm leaky_relu relu tanh"
    promised += " sigmoid softplus exp log sqrt abs maximum binary_cross_entropy binary_cross_entropy_with_logits"
    promised += " mse_loss l1_loss hinge_loss dropout max_pool2d avg_pool2d upsample_nearest2d softmax log_softmax"
    promised += " cross_entropy matmul add mul concatenate pad2d reshape transpose broadcast_to getitem"
    assert set(promised.split()) <= set(minigan.functions.__all__)

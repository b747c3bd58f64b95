"""Give every reader of minigan malformed input, and see that each is refused in one sentence.

    python tests/robustness/malformed.py                 330 inputs of seed 0, the same each time
    python tests/robustness/malformed.py --seed fresh    others; the seed is printed
    python tests/robustness/malformed.py --kind npz --only 17 --keep DIR

An input is a command line with the files and the environment that it reads. It passes if the command ends with 0
(where the input may be right by chance), 1 or 2, and, unless it ends with 0, says why in a last line of its own,
without a traceback; takes less than 20 s and 2 GB; starts no other program; and changes no file that was there before.

Each runs in a process forked from one that has imported minigan, so that hundreds take a minute. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import pickle
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from PIL import Image
from tqdm import tqdm

SECONDS, BYTES = 20, 2 * 2**30
INPUTS = 330


@dataclass
class Input:
    """kind: of file. about: what is wrong with it, for the report. write: makes its files in a folder and returns the
    command. may_succeed: whether it may be right after all, as with a flipped bit that nothing depends on."""

    kind: str
    about: str
    write: Callable[[Path], list[str]]
    may_succeed: bool = False
    environment: dict[str, str] = field(default_factory=dict)


# --- damage --------------------------------------------------------------------------------------


def damaged(rng: random.Random, raw: bytes) -> tuple[str, bytes]:
    """The bytes with one accident, and its name."""
    data, at = bytearray(raw), rng.randrange(max(1, len(raw)))
    length = rng.choice([1, 4, 64, 1024])
    match rng.choice(["flip", "flips", "cut", "zeros", "insert", "remove", "repeat", "noise", "head", "number"]):
        case "flip":
            data[at] ^= 1 << rng.randrange(8)
            return f"a flipped bit at {at}", bytes(data)
        case "flips":
            for _ in range(20):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            return "20 flipped bits", bytes(data)
        case "cut":
            return f"cut at {at}", bytes(data[:at])
        case "zeros":
            data[at : at + length] = bytes(len(data[at : at + length]))
            return f"{length} zeros at {at}", bytes(data)
        case "insert":
            return f"{length} bytes inserted at {at}", bytes(data[:at] + rng.randbytes(length) + data[at:])
        case "remove":
            return f"{length} bytes removed at {at}", bytes(data[:at] + data[at + length :])
        case "repeat":
            return f"{length} bytes repeated at {at}", bytes(data[: at + length] + data[at:])
        case "noise":
            return "noise", rng.randbytes(len(data))
        case "head":
            at = rng.randrange(min(64, len(data)))
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
            return f"byte {at} of the head is {data[at]}", bytes(data)
        case _:
            at = rng.randrange(0, max(1, min(len(data), 256) - 4))
            number = rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1])
            data[at : at + 4] = struct.pack(rng.choice("<>") + "I", number)
            return f"the number {number} at {at}", bytes(data)


class Bomb:
    """Unpickled, it leaves a file: `was_executed` sees it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch executed",)


def pixels(n: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28), "uint8")


# --- files ---------------------------------------------------------------------------------------


def idx_bytes(array: np.ndarray, dims: tuple[int, ...] | None = None, type_code: int = 8) -> bytes:
    dims = array.shape if dims is None else dims
    return bytes([0, 0, type_code, len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + array.tobytes()


def npy_bytes(array: np.ndarray, header: dict[str, object] | str | None = None) -> bytes:
    buffer = io.BytesIO()
    if header is None:
        np.save(buffer, array, allow_pickle=True)
        return buffer.getvalue()
    text = (str(header) + "\n").encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + array.tobytes()


def npz_bytes(members: dict[str, bytes], compress: bool = True) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def picture_bytes(kind: str, size: tuple[int, int] = (20, 30), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    array = np.random.default_rng(1).integers(0, 256, (*size, 3), "uint8")
    Image.fromarray(array).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes cannot hold."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = []
    for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")):
        parts.append(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\nshowpage\n%%EOF\n"


def lying_zip(size: int, real: bytes, name: str = "images.npy") -> bytes:
    """A zip whose entry claims another size than it has, in both of its headers."""
    raw = bytearray(npz_bytes({name: real}))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = raw.find(signature)
        raw[start + at : start + at + 4] = struct.pack("<I", size & 0xFFFFFFFF)
    return bytes(raw)


def huge_npz() -> bytes:
    """An honest npz of 3 GB of zeros, in 3 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    shape = (4_000_000, 28, 28)
    head = npy_bytes(np.zeros(0, "uint8"), {"descr": "|u1", "fortran_order": False, "shape": shape})
    size, crc, out = len(head), zlib.crc32(head), bytearray(packer.compress(head))
    block, left = bytes(2**24), int(np.prod(shape))
    while left:
        part = block[: min(left, len(block))]
        crc, left, size = zlib.crc32(part, crc), left - len(part), size + len(part)
        out += packer.compress(part)
    out += packer.flush()
    name = b"images.npy"
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(out), size, len(name), 0)
    local = b"PK\x03\x04" + common + name + bytes(out)
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


def reads(name: str, raw: bytes) -> Callable[[Path], list[str]]:
    """Write the file; `train --dry-run` reads it as data. A name with a folder: the folder is the data."""

    def write(folder: Path) -> list[str]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
        data = path if path.parent == folder else path.parent
        return ["train", "--dry-run", "--data", str(data)]

    return write


def data_inputs(rng: random.Random) -> Iterator[Input]:
    """Endless: broken files of data."""
    train = "idx/train-images-idx3-ubyte"
    labels = np.zeros(6, "uint8")
    bases: list[tuple[str, str, bytes]] = [
        ("idx", train, idx_bytes(pixels())),
        ("gzip", f"{train}.gz", gzip.compress(idx_bytes(pixels()))),
        ("npy", "x.npy", npy_bytes(pixels())),
        ("npy", "f.npy", npy_bytes(pixels().astype("float32") / 255)),
        ("npz", "x.npz", npz_bytes({"images.npy": npy_bytes(pixels()), "labels.npy": npy_bytes(labels)})),
        ("npz", "s.npz", npz_bytes({"x_train.npy": npy_bytes(pixels())}, compress=False)),
        ("zip", "x.zip", npz_bytes({f"{i}.png": picture_bytes("PNG") for i in range(3)})),
        *(("image", f"images/a.{k.lower()}", picture_bytes(k)) for k in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")),
        ("image", "images/a.pgm", picture_bytes("PPM", mode="L")),
    ]
    while True:
        kind, name, raw = rng.choice(bases)
        about, broken = damaged(rng, raw)
        yield Input(kind, f"{name}: {about}", reads(name, broken), may_succeed=True)


def strange_data() -> Iterator[Input]:
    """Files that lie, or would have something done."""
    objects = npy_bytes(np.array([Bomb()], object))
    nan = np.full((4, 28, 28), np.nan, "float32")
    files: dict[str, bytes] = {
        "pickle.npy": objects,
        "pickled.npz": npz_bytes({"images.npy": objects}),
        "labels-pickled.npz": npz_bytes({"images.npy": npy_bytes(pixels()), "labels.npy": objects}),
        "raw-pickle.npy": pickle.dumps(Bomb()),
        "deep.npy": npy_bytes(pixels(), "(" * 5000 + ")" * 5000),
        "negative.npy": npy_bytes(pixels(), {"descr": "|u1", "fortran_order": False, "shape": (-1, 28, 28)}),
        "huge-shape.npy": npy_bytes(pixels(), {"descr": "|u1", "fortran_order": False, "shape": (2**62, 28, 28)}),
        "strings.npy": npy_bytes(np.array(["a", "b"])),
        "fields.npy": npy_bytes(np.zeros(3, [("a", "f4"), ("b", "i4")])),
        "dates.npy": npy_bytes(np.zeros((2, 28, 28), "datetime64[s]")),
        "complex.npy": npy_bytes(np.zeros((2, 28, 28), complex)),
        "nan.npy": npy_bytes(nan),
        "huge-floats.npy": npy_bytes(np.full((2, 28, 28), 1e300)),
        "one-dimension.npy": npy_bytes(np.zeros(784, "uint8")),
        "no-images.npy": npy_bytes(np.zeros((0, 28, 28), "uint8")),
        "empty.npy": b"", "empty.npz": b"", "empty.zip": b"", "text.npz": b"not a zip at all",
        "other-keys.npz": npz_bytes({"weights.npy": npy_bytes(pixels())}),
        "up.npz": npz_bytes({"../../images.npy": npy_bytes(pixels())}),
        "no-numpy.npz": npz_bytes({"images.npy": b"no array"}),
        "claims-little.npz": lying_zip(1000, npy_bytes(np.zeros((1000, 28, 28), "uint8"))),
        "claims-much.npz": lying_zip(3 * 2**30, npy_bytes(pixels())),
        "claims-most.npz": lying_zip(2**32 - 2, npy_bytes(pixels())),
        "claims-little.zip": lying_zip(1000, picture_bytes("PNG", (300, 300)), "a.png"),
        "up.zip": npz_bytes({"../../../../a.txt": b"a"}),
        "eps.zip": npz_bytes({"a.png": EPS}),
        "text.zip": npz_bytes({"a.png": b"text", "b.png": picture_bytes("PNG")}),
        "images/eps-named.png": EPS,
        "images/a.eps.jpg": EPS,
        "images/pickle.png": pickle.dumps(Bomb()),
        "images/empty.png": b"",
        "images/text.jpg": b"<html>404 not found</html>",
        "images/bomb.png": png_claiming(60_000, 60_000),
        "images/wide.png": png_claiming(2**31 - 1, 1),
        "images/none.png": png_claiming(0, 10),
        "images/big.png": png_claiming(9_400, 9_400),
        "images/notes.txt": b"no images here",
        "x.mat": b"MATLAB 5.0", "x.pkl": pickle.dumps(Bomb()), "x.csv": b"1,2,3\n", "x.h5": b"\x89HDF\r\n",
        "lies/train-images-idx3-ubyte": idx_bytes(pixels(), (2**31, 28, 28)),
        "lies-more/train-images-idx3-ubyte": idx_bytes(pixels(), (2**32 - 1,) * 3),
        "dims/train-images-idx3-ubyte": idx_bytes(pixels(), (1,) * 255),
        "types/train-images-idx3-ubyte": idx_bytes(pixels(), type_code=0x0D),
        "bomb/train-images-idx3-ubyte.gz": gzip.compress(
            idx_bytes(np.zeros(0, "uint8"), (4_000_000, 28, 28)) + bytes(50_000_000)
        ),
        "none/train-images-idx3-ubyte": idx_bytes(pixels()[:0]),
    }  # fmt: skip
    for name, raw in files.items():
        yield Input("strange", name, reads(name, raw))
    yield Input("bomb", "3 GB of zeros in an npz", lambda folder: reads("huge.npz", huge_npz())(folder))

    def of(make: Callable[[Path], object], *command: str) -> Callable[[Path], list[str]]:
        def write(folder: Path) -> list[str]:
            make(folder)
            return [part.replace("{}", str(folder)) for part in command]

        return write

    def zero(name: str) -> Callable[[Path], object]:
        return lambda d: (d / name).symlink_to("/dev/zero")

    data = ("train", "--dry-run", "--data")
    yield Input("special", "a FIFO as a file", of(lambda d: os.mkfifo(d / "x.npz"), *data, "{}/x.npz"))
    yield Input("special", "a FIFO among images", of(lambda d: os.mkfifo(d / "a.png"), *data, "{}"))
    yield Input(
        "special", "/dev/zero as a file", of(lambda d: (d / "x.npy").symlink_to("/dev/zero"), *data, "{}/x.npy")
    )
    yield Input("special", "/dev/zero as an image", of(zero("a.png"), *data, "{}"))
    yield Input("special", "a circle of links", of(lambda d: (d / "a").symlink_to(d), *data, "{}"))
    yield Input("special", "a link to itself", of(lambda d: (d / "a.npz").symlink_to("a.npz"), *data, "{}/a.npz"))
    yield Input("special", "a folder called x.npz", of(lambda d: (d / "x.npz").mkdir(), *data, "{}/x.npz"))
    yield Input("special", "a FIFO as configuration", of(lambda d: os.mkfifo(d / "c"), "train", "--config", "{}/c"))
    yield Input("special", "a FIFO as a trace", of(lambda d: os.mkfifo(d / "t.json"), "trace", "{}/t.json", "--text"))
    yield Input(
        "special", "/dev/zero as a trace", of(lambda d: (d / "t.json").symlink_to("/dev/zero"), "trace", "{}/t.json")
    )
    yield Input("special", "an unknown user's folder", of(lambda d: None, *data, "~nosuchuser/x"))


# --- checkpoints, configurations, traces ---------------------------------------------------------


def checkpoint_inputs(rng: random.Random, run: Path) -> Iterator[Input]:
    """Endless: a run's folder with a checkpoint that is damaged, or made anew with another header."""
    raw = (run / "ckpt" / "last.safetensors").read_bytes()
    while True:
        about, broken = damaged(rng, raw) if rng.random() < 0.5 else altered_checkpoint(rng, raw)
        command = rng.choice([["sample", "{}", "--out", "{}/s.png"], ["train", "--resume", "{}", "--epochs", "1"]])

        def write(folder: Path, broken: bytes = broken, command: list[str] = command) -> list[str]:
            shutil.copytree(run, folder / "00000-run")
            (folder / "00000-run" / "ckpt" / "last.safetensors").write_bytes(broken)
            return [part.replace("{}", str(folder / "00000-run")) for part in command]

        yield Input("checkpoint", f"{command[0]}: {about}", write, may_succeed=True)


def altered_checkpoint(rng: random.Random, raw: bytes) -> tuple[str, bytes]:
    """A checkpoint whose text was altered by somebody who also made its checksum anew."""
    from safetensors.numpy import load, save

    from minigan.training.checkpoint import _digest

    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])["__metadata__"]
    arrays = load(raw)
    header.pop("sha256")
    if rng.random() < 0.2:
        name = rng.choice(sorted(arrays))
        arrays[name] = rng.choice([arrays[name].astype("float64"), arrays[name][None], np.zeros(0, "float32")])
        return f"another array {name}", save(arrays, header | {"sha256": _digest(arrays, header)})
    part = rng.choice(["progress", "config", "data_info", "version", "format"])
    if part in ("version", "format"):
        header[part] = rng.choice(["", "3", "-1", "x" * 10_000])
        about = f"{part} {header[part][:9]!r}"
    else:
        value = json.loads(header[part])
        about, value = altered_json(rng, value)
        header[part], about = json.dumps(value) if not isinstance(value, str) else value, f"{part}: {about}"
    return about, save(arrays, header | {"sha256": _digest(arrays, header)})


WRONG = [
    None, True, -1, 0, 1.5, 10**30, 1_000_000, "", "text", "../../x", "\x1b[31m", "\ud800", [], [1], {}, {"a": 1},
    float("nan"), float("inf"), "a\nb", [[[[]]]], "9" * 5000,
]  # fmt: skip


def altered_json(rng: random.Random, value: object) -> tuple[str, object]:
    """The value with one part replaced, removed or added, or its text broken; and what was done."""
    if rng.random() < 0.15:
        text = json.dumps(value)
        at = rng.randrange(len(text))
        texts = {
            "cut": text[:at], "deep": "[" * 100_000 + "]" * 100_000, "empty": "",
            "no JSON": f"{text[:at]}}}{text[at:]}",
            "a list": f"[{text}]", "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
        }  # fmt: skip
        name = rng.choice(list(texts))
        return name, texts[name]
    value = json.loads(json.dumps(value))
    places: list[tuple[dict | list, str | int]] = []

    def walk(part: object) -> None:
        keys = part.keys() if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        for key in keys:
            places.append((part, key))
            walk(part[key])

    walk(value)
    place, key = rng.choice(places)
    if rng.random() < 0.2:
        del place[key]
        return f"{key} removed", value
    if isinstance(place, dict) and rng.random() < 0.1:
        place["surprise"] = rng.choice(WRONG)
        return "a surprise", value
    place[key] = rng.choice(WRONG)
    return f"{key} is {str(place[key])[:20]!r}", value


def json_inputs(rng: random.Random, run: Path, trace: Path) -> Iterator[Input]:
    """Endless: configurations, traces and lines of statistics with a part that is wrong."""
    config, recorded = json.loads((run / "config.json").read_text()), json.loads(trace.read_text())
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    while True:
        match rng.choice(["config", "trace", "stats"]):
            case "config":
                about, value = altered_json(rng, config)
                kind, name, command = "config", "c.json", ["train", "--dry-run", "--config", "{}/c.json"]
            case "trace":
                about, value = altered_json(rng, recorded)
                kind, name = "trace", "t.json"
                command = ["trace", "{}/t.json", *rng.choice([["--text"], ["--html", "{}/t.html"]])]
            case _:
                about, value = altered_json(rng, rng.choice(lines))
                kind, name, command = "stats", "run/stats.jsonl", ["train", "--resume", "{}/run", "--epochs", "2"]
        text = value if isinstance(value, str) else json.dumps(value)

        def write(folder: Path, text: str = text, name: str = name, command: list[str] = command) -> list[str]:
            if name.startswith("run/"):
                shutil.copytree(run, folder / "run")
            (folder / name).write_text(text, encoding="utf-8", errors="surrogatepass")
            return [part.replace("{}", str(folder)) for part in command]

        yield Input(kind, about, write, may_succeed=True)


# --- options and environment ---------------------------------------------------------------------


def option_inputs(rng: random.Random) -> Iterator[Input]:
    """Endless: options with values that no one should give."""
    values = [
        "-1",
        "0",
        "nan",
        "inf",
        "1e999",
        "",
        " ",
        "²",
        "٣",
        "a\nb",
        "\x1b[2J",
        "9" * 400,
        "0x10",
        "1_0",
        "--",
        "../",
    ]
    options = {
        "train": ["--epochs", "--steps", "--batch-size", "--lr-G", "--lr-D", "--seed", "--model", "--recipe", "--grid",
                  "--data", "--device", "--ema-decay", "--config", "--algorithm", "--resume", "--objective", "--none"],
        "sample": ["--n", "--seed", "--out", "--runs", "--device", "--label", "--algorithm"],
        "trace": ["--model", "--recipe", "--seed", "--data", "--out", "--html", "--device"],
        "check": ["--order", "--cases", "--seed", "--device", "os:system", "nosuch.py:F", "minigan.nosuch", ":",
                  "a:b:c"],
        "lesson": ["--start"], "functions": ["--nonsense", "nosuchfunction"], "recipes": ["nosuchrecipe"],
    }  # fmt: skip
    while True:
        command = rng.choice(list(options))
        option, value = rng.choice(options[command]), rng.choice(values)
        words = [command, option] + ([value] if option.startswith("--") else [])
        words += ["--dry-run"] if command == "train" else []
        yield Input("options", repr(" ".join(words))[:60], lambda folder, words=words: words, may_succeed=True)


def strange_options() -> Iterator[Input]:
    """Words that once ended badly."""
    for words in (
        ["lesson", ""], ["check-lesson", ""], ["check-lesson", "99"], ["check", "os:system"], ["check", "os"], [""],
        ["sample", "{}"], ["sample", "/dev/null"], ["sample", "--out", "{}"], ["trace", "--html", "{}"],
        ["trace", "{}"],
        ["trace", "--model", "mlp", "--out", "{}"], ["train", "--out", "/dev/null/x"], ["train", "--config", "{}"],
        ["train", "--config", "/dev/null"], ["train", "--resume", "{}"], ["train", "--data", ""], ["\x1b[31m"],
        ["train", "--data", "a\nb\x1b[31m"], ["train", "--model", "\x1b[31mred\nline"], ["sample", "a\nb"],
        ["lessons", "build", "--out", "/dev/null"], ["train", "--dry-run", "--data", "\udce9"],
    ):  # fmt: skip
        yield Input(
            "options", repr(" ".join(words))[:60], lambda d, w=words: [part.replace("{}", str(d)) for part in w]
        )


def environment_inputs(run: Path) -> Iterator[Input]:
    """Variables with values that no one should give; what is asked for may well be done."""
    for name, value in (
        ("MINIGAN_DEVICE", "gpu\nx"), ("MINIGAN_DEVICE", ""), ("MINIGAN_DEVICE", "tpu"), ("MINIGAN_DEVICE", "gpu:99"),
        ("MPLBACKEND", "nonsense"), ("MPLCONFIGDIR", "/dev/null/x"), ("MATPLOTLIBRC", "/dev/null/x"), ("COLUMNS", "x"),
        ("COLUMNS", "-5"), ("COLUMNS", "0"), ("HOME", "/nonexistent"), ("TMPDIR", "/nonexistent"), ("TERM", "\x1b"),
        ("LANG", "xx_YY"), ("OPENBLAS_NUM_THREADS", "x"), ("NO_COLOR", ""), ("TQDM_DISABLE", "x"), ("LINES", "x"),
    ):  # fmt: skip

        def write(folder: Path, run: Path = run) -> list[str]:
            shutil.copytree(run, folder / "run")
            return ["train", "--resume", str(folder / "run"), "--epochs", "2"]

        yield Input("environment", f"{name}={value!r}", write, True, {name: value})


# --- running -------------------------------------------------------------------------------------


def inputs_of(seed: int, run: Path, trace: Path, count: int) -> list[Input]:
    """The fixed ones, and as many random ones as make `count`."""
    rng = random.Random(seed)
    fixed = [*strange_data(), *strange_options(), *environment_inputs(run)]
    endless = [
        (data_inputs(rng), 9), (checkpoint_inputs(rng, run), 5), (json_inputs(rng, run, trace), 5),
        (option_inputs(rng), 3),
    ]  # fmt: skip
    weights = [weight for _, weight in endless]
    makers = rng.choices([maker for maker, _ in endless], weights, k=max(0, count - len(fixed)))
    return fixed + [next(maker) for maker in makers]


@dataclass
class Outcome:
    """What became of an input. trouble: what is wrong with that; empty if nothing is."""

    code: int
    said: str
    seconds: float
    bytes: int
    trouble: str = ""


def run_input(item: Input, folder: Path) -> Outcome:
    """Write the files, run the command in a process of its own, and judge it."""
    folder.mkdir(parents=True)
    work = folder / "work"
    work.mkdir()
    command = item.write(folder)
    before = _snapshot(folder)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _in_child(item, command, work)
    killer, status, usage = None, 0, None
    while usage is None:
        pid, status, found = os.wait4(child, os.WNOHANG)
        usage = found if pid else None
        if usage is None:
            time.sleep(0.01)
            if time.monotonic() - began > SECONDS and killer is None:
                killer = os.kill(child, signal.SIGKILL) or "killed"
    seconds = time.monotonic() - began
    said = (work / "stderr").read_bytes().decode("utf-8", "replace")
    if command[0] == "check" and not said:  # what is wrong with a function is a result
        said = "minigan check: " + (work / "stdout").read_bytes().decode("utf-8", "replace").strip().replace("\n", " ")
    code = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    outcome = Outcome(code, said, seconds, peak)
    outcome.trouble = _trouble(item, outcome, killer is not None)
    if not outcome.trouble and (changed := _changed(before, _snapshot(folder))):
        outcome.trouble = "" if code == 0 else f"files changed: {', '.join(changed)}"
    if any(path.exists() for path in (work / "executed", work / "gs-was-started", folder / "executed")):
        outcome.trouble = "a program was started"
    return outcome


def _in_child(item: Input, command: list[str], work: Path) -> None:
    code = 70
    try:
        os.chdir(work)
        for number, name in ((0, os.devnull), (1, "stdout"), (2, "stderr")):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(name, flags, 0o600), number)
        for number, name in ((1, "stdout"), (2, "stderr")):
            setattr(sys, name, open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False))
        (work / "bin").mkdir()
        for program in ("gs", "gswin32c"):
            (work / "bin" / program).write_text("#!/bin/sh\ntouch gs-was-started\n")
            (work / "bin" / program).chmod(0o700)
        os.environ["PATH"] = f"{work / 'bin'}:{os.environ['PATH']}"
        os.environ.update(item.environment)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from minigan.cli import main

        code = main(command) or 0
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                pass
        os._exit(code)


def _trouble(item: Input, outcome: Outcome, too_long: bool) -> str:
    lines = outcome.said.rstrip("\n").split("\n")
    if too_long:
        return f"still running after {SECONDS} s"
    if "Traceback" in outcome.said:
        return "a traceback"
    if outcome.bytes > BYTES:
        return f"{outcome.bytes / 2**30:.1f} GB"
    if outcome.code == 0:
        return "" if item.may_succeed else "it was taken for right"
    if outcome.code not in (1, 2):
        return f"exit code {outcome.code}"
    if not lines[-1].startswith("minigan") or "unexpected" in lines[-1] or len(lines[-1]) < 20:
        return "no sentence at the end"
    if any(ord(c) < 32 and c not in "\n\r" or c == "\x7f" for c in outcome.said):
        return "raw control characters"
    return ""


def _snapshot(folder: Path) -> dict[str, bytes]:
    """Each regular file outside of the work folder, so far as it belongs to what was there before."""
    work = folder / "work"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and work not in path.parents
    }


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """The checkpoints, configurations and data that are not what they were."""
    kept = [name for name in before if not name.endswith(("log.txt", "stats.jsonl", "config.json"))]
    return [name for name in kept if after.get(name) != before[name]]


def prepare(folder: Path) -> tuple[Path, Path]:
    """A small trained run and a recorded trace, made by minigan."""
    from minigan.cli import main

    data = folder / "data.npz"
    np.savez(data, images=pixels(16), labels=np.arange(16) % 10)
    runs = folder / "runs"
    small = ["--data", str(data), "--model", "mlp", "--batch-size", "8"]
    assert main(["train", *small, "--epochs", "1", "--out", str(runs)]) == 0
    (run,) = runs.iterdir()
    trace = folder / "trace.json"
    assert main(["trace", str(run), "--out", str(trace)]) == 0
    return run, trace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", default="0", help="a number, or fresh (default: 0)")
    parser.add_argument("--count", type=int, default=INPUTS, help=f"how many inputs (default: {INPUTS})")
    parser.add_argument("--kind", help="only those of a kind: idx, npz, image, checkpoint, config, options, …")
    parser.add_argument("--only", type=int, help="only the input of this number")
    parser.add_argument("--keep", type=Path, help="keep the files in this folder")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if chosen.seed == "fresh" else int(chosen.seed)
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="malformed-"))
    folder.mkdir(exist_ok=True)
    try:
        run, trace = prepare(folder)
        numbered = list(enumerate(inputs_of(seed, run, trace, chosen.count)))
        numbered = [(i, item) for i, item in numbered if chosen.kind in (None, item.kind)]
        numbered = [(i, item) for i, item in numbered if chosen.only in (None, i)]
        failed, largest, slowest = [], 0, 0.0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = pool.map(lambda pair: run_input(pair[1], folder / f"{pair[0]:04d}"), numbered)
            for (i, item), outcome in zip(numbered, tqdm(outcomes, "inputs", len(numbered), disable=None), strict=True):
                largest, slowest = max(largest, outcome.bytes), max(slowest, outcome.seconds)
                if outcome.trouble or chosen.only is not None:
                    failed += [i] if outcome.trouble else []
                    print(f"{i} {item.kind}, {item.about}: {outcome.trouble or 'well'} (exit code {outcome.code})")
                    print("    " + "\n    ".join(ascii(line)[1:-1] for line in outcome.said.splitlines()[-4:]))
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(
        f"seed {seed}: {len(numbered)} malformed inputs, {len(failed)} of them not refused as they should be; "
        f"at most {largest / 2**20:.0f} MB and {slowest:.1f} s"
    )
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

"""`minigan sample`: a grid, arrays, or a walk between noises, from a trained generator."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from minigan.cli.common import DONE, announced, say


def sample(arguments: argparse.Namespace) -> int:
    """Draw, and write the files that were asked for; the exit code."""
    from minigan.training.checkpoint import find_checkpoint
    from minigan.training.sampling import draw_noise, generate, load_generator, walk

    path = find_checkpoint(arguments.checkpoint, Path(arguments.runs))
    outs = [Path(out) for out in arguments.out or [f"samples-s{arguments.seed}.png"]]
    _check_outs(outs)
    G, config = load_generator(path, str(announced(arguments.device)))
    say(f"{config.model} from {path}")
    z = draw_noise(arguments.n, G.z_dim, arguments.seed)
    images = generate(G, z) if any(out.suffix != ".gif" for out in outs) else None
    for out in outs:
        if out.suffix == ".gif":
            cells = min(arguments.n, 16)
            points = draw_noise(cells * 4, G.z_dim, arguments.seed).reshape(cells, 4, G.z_dim)
            _save_walk(out, G, [walk(z, steps=12) for z in points], generate)
        else:
            _save_images(out, images)
        say(f"wrote {out}")
    return DONE


def _check_outs(outs: list[Path]) -> None:
    from minigan.training import ConfigError

    for out in outs:
        if out.suffix not in (".png", ".npz", ".gif"):
            raise ConfigError(f"--out {out}: the name must end in .png (a grid), .npz (arrays) or .gif (a walk)")
        if not out.absolute().parent.is_dir():
            raise ConfigError(f"--out {out}: there is no folder {out.parent}")


def _save_images(out: Path, images: Any) -> None:
    import numpy as np

    from minigan.training import pictures
    from minigan.training.files import write_atomically

    if out.suffix == ".png":
        pictures.save_png(out, pictures.grid(images))
    else:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=pictures.to_bytes(images))
        write_atomically(out, buffer.getvalue())


def _save_walk(out: Path, G: Any, walks: list, generate: Any) -> None:
    import numpy as np
    from tqdm import tqdm

    from minigan.training import pictures

    # At each moment of the film one image of every walk.
    moments = tqdm(np.stack(walks, axis=1), "drawing", delay=1, disable=None)
    pictures.save_gif(out, [pictures.grid(generate(G, z)) for z in moments], seconds=0.06)

"""A home whose adapter `my/bird` is there with masks and without, its photo and mask, and cut-out photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from mivactl.cli.app import run
from tests.end_to_end.tiny_world import TinyWorld, write_adapter_draft, write_photo

if TYPE_CHECKING:
    from pathlib import Path

MASK = ("--mask", "my/bird=mask.png")


def masked_world(folder: Path) -> TinyWorld:
    """`my/bird` has a masked build and a plain one, `my/wave` a plain one alone."""
    world = TinyWorld(folder)
    for place, (name, masked) in enumerate((("my/wave", False), ("my/bird", False), ("my/bird", True))):
        draft = write_adapter_draft(world.folder / f"draft-{place}", world.base_folder, name, seed=place, masked=masked)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MIVACTL_HOME", str(world.home))
            assert run(["publish", str(draft), "--quiet"]) == 0
            assert run(["install", name, "--quiet", *(["--masked"] if masked else [])]) == 0
    write_photo(world.folder / "photo.png")
    write_mask(world.folder / "mask.png")
    return world


def write_mask(path: Path, *, width: int = 200, height: int = 130, light: int = 255) -> Path:
    """White where the photo's rectangle is."""
    grey = np.zeros((height, width), dtype=np.uint8)
    grey[height // 3 : height // 2, width // 4 : width // 2] = light
    Image.fromarray(grey).save(path)
    return path


def write_cut_out(path: Path, *, seed: int = 0) -> Path:
    """The photo with all but its rectangle transparent."""
    with Image.open(write_photo(path, seed=seed)) as photo:
        cut_out = photo.convert("RGBA")
    alpha = np.zeros((130, 200), dtype=np.uint8)
    alpha[43:65, 50:100] = 255
    cut_out.putalpha(Image.fromarray(alpha))
    cut_out.save(path)
    return path

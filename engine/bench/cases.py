"""The cases of a run: pictures, masks and real clips copied into its folder, so that it stands by itself.

Free of torch.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from engine.bench.run_file import PHOTOS, BenchCase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.bench.pictures import FoundGroup


def lay_out_cases(groups: Sequence[FoundGroup], run_folder: Path) -> tuple[BenchCase, ...]:
    """A case for every picture."""
    cases = []
    for found in groups:
        for picture in found.pictures:
            name = f"{found.group.name}-{_safe(picture.photo.stem)}"
            beside = {"": picture.photo, ".mask": picture.mask, ".real": picture.reference}
            places = {
                kind: _copied(path, run_folder, f"{PHOTOS}/{name}{kind}{path.suffix.lower()}")
                for kind, path in beside.items()
                if path is not None
            }
            cases.append(
                BenchCase(
                    name=name,
                    group=found.group.name,
                    photo=places[""],
                    motions=found.group.motions,
                    weights=found.group.weights,
                    prompt=found.group.prompt,
                    mask=places.get(".mask"),
                    reference=places.get(".real"),
                )
            )
    return tuple(cases)


def _safe(stem: str) -> str:
    """A picture's name as a name of the run: what is no letter, digit, `.`, `_`, `+`, `@` or `-` becomes `_`."""
    return re.sub(r"[^A-Za-z0-9._+@-]", "_", stem)[:60]


def _copied(source: Path, run_folder: Path, place: str) -> str:
    target = run_folder / place
    if not target.exists() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}")
        shutil.copyfile(source, fresh)
        fresh.replace(target)
    return place

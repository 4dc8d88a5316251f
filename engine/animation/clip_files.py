"""Clip files with their receipts: inside the container, read back after writing, and as JSON beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.video.clip_writer import check_output, write_clip
from engine.video.container_tag import read_receipt as read_receipt_text
from engine.video.whole_output import whole_file
from registry_schema.errors import IntegrityProblem
from registry_schema.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from registry_schema.receipt import ClipFormat

FORMATS: Mapping[str, ClipFormat] = {
    ".mp4": "mp4",
    ".webm": "webm",
    ".gif": "gif",
    ".webp": "webp",
    ".apng": "apng",
    ".png": "apng",
    "": "png",
}


def format_of(path: Path) -> ClipFormat:
    """The format a file's suffix names; no suffix is a folder of PNG frames.

    Raises:
        UsageProblem: no clip ends so.
    """
    check_output(path)
    return FORMATS[path.suffix.lower()]


def receipt_place(clip: Path) -> Path:
    """The JSON file beside a clip: `clip.mp4.json`."""
    return clip.with_name(f"{clip.name}.json")


def partial_place(clip: Path) -> Path:
    """Where a clip that was stopped goes: `clip.partial.mp4`."""
    return clip.with_name(f"{clip.stem}.partial.mp4")


def write_clip_file(path: Path, clip: NDArray[np.uint8], *, receipt: Receipt) -> tuple[str, ...]:
    """Write a clip with its receipt, in it and beside it; nothing half written is ever seen under `path`.

    Args:
        path: replaced if it is there.
        clip: frames `f h w 3`; frame rate and loop are those of the receipt.
        receipt: of this clip.

    Returns:
        what differs from what was asked, for a person.

    Raises:
        UsageProblem, ResourceProblem: the place can not be written.
    """
    settings = receipt.settings
    written = write_clip(clip, path, fps=settings.fps, loop=settings.loop, receipt_text=_one_line(receipt))
    with whole_file(receipt_place(path)) as fresh:
        fresh.write_bytes(receipt.to_bytes())
    return written.notes


def read_receipt(clip: Path) -> Receipt | None:
    """The receipt of a clip: the one inside it, which the one beside it must equal if both are there.

    Returns:
        None for a clip without a receipt.

    Raises:
        NotFound: no such file.
        IntegrityProblem: a receipt that was edited, or a file that is no clip.
    """
    inside, beside = _inside(clip), _beside(clip)
    for receipt in (inside, beside):
        if receipt is not None:
            receipt.verify()
    if inside is not None and beside is not None and inside != beside:
        msg = f"receipt `{receipt_place(clip).name}` is not the one inside `{clip.name}`"
        raise IntegrityProblem(msg, hint="one of them belongs to another clip; do not trust what they say")
    return inside or beside


def _inside(clip: Path) -> Receipt | None:
    text = read_receipt_text(clip)
    if text is None or Receipt.SCHEMA not in text:
        return None
    return Receipt.parse(text.encode(), source=f"receipt in `{clip.name}`")


def _beside(clip: Path) -> Receipt | None:
    place = receipt_place(clip)
    try:
        return Receipt.parse(place.read_bytes(), source=f"receipt `{place.name}`")
    except FileNotFoundError:
        return None


def _one_line(receipt: Receipt) -> str:
    return json.dumps(receipt.plain(), ensure_ascii=True, sort_keys=True, separators=(",", ":"))

"""A look at a run as one picture: a row for each preview, four moments of it beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.video.whole_output import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import UInt8

COLUMNS: Final = 4
GAP: Final = 2
LINE: Final = 14
QUALITY: Final = 88
INK, PAPER = (20, 20, 20), (245, 245, 245)


def write_contact_sheet(path: Path, title: str, rows: Sequence[tuple[str, UInt8[np.ndarray, "f h w 3"]]]) -> None:
    """Writes the sheet as JPEG.

    Args:
        path: replaced if it is there.
        title: above all rows.
        rows: name and frames of each preview, all of one size.

    Raises:
        UsageProblem, ResourceProblem: it can not be written.
    """
    height, width = rows[0][1].shape[1:3]
    step = height + LINE + GAP
    sheet = Image.new("RGB", (COLUMNS * (width + GAP) - GAP, LINE + step * len(rows)), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    draw.text((GAP, 0), title, fill=INK, font=font)
    for place, (name, frames) in enumerate(rows):
        top = LINE + place * step
        draw.text((GAP, top), name, fill=INK, font=font)
        for column, moment in enumerate(np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)):
            sheet.paste(Image.fromarray(frames[moment]), (column * (width + GAP), top + LINE))
    with whole_file(path) as fresh:
        sheet.save(fresh, quality=QUALITY)

"""A contact sheet of clips: a row for each, with its name, what was found in it, and a few frames."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.training.examined_clip import GLIMPSE_SIDE, GLIMPSES
from engine.video.whole_output import whole_file
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.training.examined_clip import ExaminedClip

SHEET_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
# What the formats can hold: WebP 16383 pixels, JPEG 65500.
TALLEST = 16_000
GAP, TEXT_WIDTH, LINE, FONT_SIZE = 6, 260, 15, 12
LETTERS = 40
INK, PAPER = (20, 20, 20), (245, 245, 245)
COLOURS = {"good": (40, 120, 60), "doubtful": (170, 110, 0), "unusable": (180, 30, 30)}


def check_sheet(path: Path) -> None:
    """Raise UsageProblem unless the suffix of `path` is one that a sheet can be written as."""
    if path.suffix.lower() not in SHEET_SUFFIXES:
        raise UsageProblem(
            f"`{path.name}` is no picture, expected {', '.join(SHEET_SUFFIXES)}", hint="pass `--sheet clips.png`"
        )


def write_sheet(clips: Sequence[ExaminedClip], path: Path) -> None:
    """Draws the sheet; the file appears whole or not at all, and replaces one that is there.

    Raises:
        UsageProblem: no format for a picture, or a place that can not be written.
        ResourceProblem: the disk is full.
    """
    check_sheet(path)
    page = _page([_row(clip) for clip in clips])
    with whole_file(path) as temporary:
        page.save(temporary)


def _page(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows below each other, in as many columns as make the page low enough."""
    columns: list[list[Image.Image]] = [[]]
    for row in rows:
        if columns[-1] and sum(above.height for above in columns[-1]) + row.height > TALLEST:
            columns.append([])
        columns[-1].append(row)
    width = rows[0].width
    page = Image.new("RGB", (width * len(columns), max(sum(row.height for row in column) for column in columns)), PAPER)
    for place, column in enumerate(columns):
        top = 0
        for row in column:
            page.paste(row, (place * width, top))
            top += row.height
    return page


def _row(clip: ExaminedClip) -> Image.Image:
    verdict = clip.verdict()
    lines = [(clip.path.name, INK), (verdict.verdict, COLOURS[verdict.verdict])]
    lines += [(f"{finding.kind}: {finding.reason}", INK) for finding in clip.findings]
    wrapped = [(part, colour) for text, colour in lines for part in textwrap.wrap(text, LETTERS) or [""]]
    frames = np.zeros((0, 0, 0, 3), dtype=np.uint8) if clip.glimpses is None else clip.glimpses
    height = max(LINE * len(wrapped), frames.shape[1]) + 2 * GAP
    row = Image.new("RGB", (TEXT_WIDTH + GLIMPSES * (GLIMPSE_SIDE + GAP) + GAP, height), PAPER)
    pen = ImageDraw.Draw(row)
    for place, (text, colour) in enumerate(wrapped):
        pen.text((GAP, GAP + LINE * place), text, fill=colour, font=ImageFont.load_default(FONT_SIZE))
    for place, frame in enumerate(frames):
        row.paste(Image.fromarray(frame), (TEXT_WIDTH + place * (GLIMPSE_SIDE + GAP), GAP))
    return row

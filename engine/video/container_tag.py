"""The receipt inside a clip file: under which key each container keeps it, and reading it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
from PIL import Image

from engine.video.existing import existing
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from pathlib import Path

COMMENT = "Comment"
FRAME_RATE = "Frame rate"
EXIF_DESCRIPTION = 0x010E
PICTURE_SUFFIXES = frozenset((".gif", ".webp", ".png", ".apng"))


def read_receipt(path: Path) -> str | None:
    """The receipt text inside a clip file or a folder of frames; None when it carries none.

    Raises:
        NotFound: nothing is there.
        IntegrityProblem: the file can not be read as a clip.
    """
    existing(path, what="clip")
    if path.is_dir():
        first = next(iter(sorted(path.glob("*.png"))), None)
        return None if first is None else read_receipt(first)
    try:
        text = _from_picture(path) if path.suffix.lower() in PICTURE_SUFFIXES else _from_stream(path)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise IntegrityProblem(
            f"`{path.name}` can not be read as a clip", hint="was it cut off while being copied? copy it again"
        ) from error
    return text or None


def _from_stream(path: Path) -> str | None:
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    return tags.get("comment")


def _from_picture(path: Path) -> str | None:
    with Image.open(path, formats=("GIF", "WEBP", "PNG")) as image:
        if image.format == "GIF":
            return bytes(image.info.get("comment", b"")).decode("utf-8", errors="replace")
        if image.format == "WEBP":
            # Pillow reads EXIF text as Latin-1, whatever was written.
            text = str(image.getexif().get(EXIF_DESCRIPTION, ""))
            return text.encode("latin-1", errors="replace").decode("utf-8", errors="replace")
        return getattr(image, "text", {}).get(COMMENT)

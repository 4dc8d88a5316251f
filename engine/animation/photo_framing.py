"""How a photo meets the base of a run; free of torch, so that a plan can be printed at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.video.framing import plan_framing

if TYPE_CHECKING:
    from engine.video.framing import Framing, OutputSize
    from registry_schema.receipt import RunSettings


def frame_photo(photo_size: tuple[int, int], settings: RunSettings, *, whole: bool) -> Framing:
    """How a photo of this size meets the base of a run."""
    base_size = (settings.clip.width, settings.clip.height)
    return plan_framing(photo_size, base_size, size=output_size(settings.size), fit=settings.fit, whole=whole)


def output_size(text: str) -> OutputSize:
    """`photo`, `base`, or the two numbers of `640x480`."""
    if text == "photo":
        return "photo"
    if text == "base":
        return "base"
    width, _, height = text.partition("x")
    return int(width), int(height)

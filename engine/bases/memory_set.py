"""What is kept on a graphics card while a clip is made or an adapter trained: five sets, and which fits a card. Pure.

| set | autoencoder | coded at once | denoiser | pixels |
|---|---|---|---|---|
| `whole` | stays | eight frames | stays | as ever |
| `turns` | comes when it codes | one frame | stays | the same |
| `tiles` | comes when it codes | a tile of a frame | stays | seams of tiles are blended |
| `fp8` | comes when it codes | a tile of a frame | stays, stored in 8 bits | near |
| `offload` | comes when it codes | a tile of a frame | comes layer by layer | as `tiles` |

The first that fits is taken: those above are faster and nearer to `whole`.

Training knows `whole`, `tiles` and `fp8`: it has no use for the autoencoder but before its first step, and layers that
come one by one would have to come again for the backward pass. All but `whole` compute activations again there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

GIB = 1 << 30
CONTEXT_BYTES = GIB // 2
"""What CUDA itself takes of a card that is otherwise empty."""
USABLE = 0.9
"""The rest is lost between blocks of different size."""
LARGEST_GIB = 1024
FRAMES_AT_ONCE = 8
"""Frames that a picture autoencoder codes at once: bounds memory, costs no speed on the sizes measured."""


@dataclass(frozen=True)
class MemorySet:
    """What stays on the card.

    Attributes:
        name: as receipts have it.
        autoencoder_leaves: its weights are let go of after each coding, and read again for the next one.
        frames_at_once: that a picture autoencoder codes.
        tiles: frames larger than a tile are coded in overlapping tiles.
        eight_bit: the denoiser's weights lie in 8-bit floating point and are widened layer by layer.
        offload: the denoiser's weights lie in main memory and come layer by layer.
        recompute: in training, activations are computed again in the backward pass.
    """

    name: str
    autoencoder_leaves: bool = False
    frames_at_once: int = FRAMES_AT_ONCE
    tiles: bool = False
    eight_bit: bool = False
    offload: bool = False
    recompute: bool = False

    @property
    def words(self) -> str:
        """What it does, for people."""
        parts = (
            ("the autoencoder is loaded only to code" if self.autoencoder_leaves else ""),
            ("frames are coded in tiles" if self.tiles else ""),
            ("the base lies in 8 bits" if self.eight_bit else ""),
            ("the base comes layer by layer from main memory" if self.offload else ""),
        )
        return ", ".join(part for part in parts if part)

    def peak_bytes(self, needs: MemoryNeeds) -> int:
        """The most that is on the card at once: while it denoises, or while it codes."""
        denoiser = 0 if self.offload else needs.denoiser // (2 if self.eight_bit else 1)
        denoising = needs.denoising + (0 if self.recompute else needs.kept)
        waiting = 0 if self.autoencoder_leaves else needs.autoencoder
        pixels = min(needs.frame_pixels, needs.tile_pixels) if self.tiles else needs.frame_pixels
        coding = needs.autoencoder + needs.pixel_bytes * pixels * max(self.frames_at_once, needs.frames_least)
        return denoiser + max(waiting + denoising, coding)


@dataclass(frozen=True)
class MemoryNeeds:
    """What a run needs, in bytes and pixels.

    Attributes:
        denoiser: weights in the format they compute in.
        denoising: activations of a forward pass with adapters; in training, of a step, and what the optimiser keeps.
        autoencoder: weights.
        pixel_bytes: activations of the autoencoder for each pixel of a frame.
        frame_pixels: of a frame as the base makes it.
        tile_pixels: of a tile.
        frames_least: frames that the autoencoder codes at once whatever it is told.
        kept: further activations of a training step that computes none again.
    """

    denoiser: int
    denoising: int
    autoencoder: int
    pixel_bytes: int
    frame_pixels: int
    tile_pixels: int
    frames_least: int
    kept: int = 0


WHOLE = MemorySet("whole")
TURNS = MemorySet("turns", autoencoder_leaves=True, frames_at_once=1, recompute=True)
TILES = replace(TURNS, name="tiles", tiles=True)
EIGHT_BIT = replace(TILES, name="fp8", eight_bit=True)
OFFLOAD = replace(TILES, name="offload", offload=True)
SETS = (WHOLE, TURNS, TILES, EIGHT_BIT, OFFLOAD)
TRAINING_SETS = (WHOLE, TILES, EIGHT_BIT)


@dataclass(frozen=True)
class Card:
    """A graphics card and what a run needs on it."""

    free_bytes: int
    needs: MemoryNeeds


def choose_set(wish: str, card: Card | None, *, sets: Sequence[MemorySet] = SETS) -> MemorySet:
    """The set for a run; the last one where none fits.

    Args:
        wish: the name of a set; GiB of a card, as digits; or `auto` for what is free on it.
        card: None where the device has no memory of its own, which leaves nothing to save.
        sets: what there is to choose from, the fastest first.

    Raises:
        UsageProblem: none of the three.
    """
    named = {one.name: one for one in sets}
    if wish in named:
        return named[wish]
    if wish != "auto" and not (wish.isdecimal() and 0 < int(wish) <= LARGEST_GIB):
        names = ", ".join(f"`{name}`" for name in named)
        raise UsageProblem(f"`--vram` is `{wish}`, expected GiB, `auto`, {names}", hint="pass `--vram auto`")
    if card is None:
        return WHOLE
    room = room_bytes(wish, card.free_bytes)
    return next((one for one in sets if one.peak_bytes(card.needs) <= room), sets[-1])


def room_bytes(wish: str, free_bytes: int) -> float:
    """What may be taken of a card: of so many GiB, as digits, or of what is free on it, for `auto`."""
    return USABLE * (free_bytes if wish == "auto" else int(wish) * GIB - CONTEXT_BYTES)

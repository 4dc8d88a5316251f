"""What the doors to masks are asked and what they answer; free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MASKS_FOLDER: Final = "masks"
"""Folder beside training clips that holds their masks."""
MOVING_SUFFIXES: Final = frozenset((".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif", ".apng"))
"""Files that are clips; what may be a clip or a photo (`.png`, `.webp`) counts as a photo."""

ENCODER_SOURCE: Final = "nano's image encoder"
GROUNDED_SOURCE: Final = "GroundingDINO and SAM 2"
CUTOUT_SOURCE: Final = "the photo's transparency"
UNASKED: Final = frozenset((ENCODER_SOURCE, GROUNDED_SOURCE, CUTOUT_SOURCE))
"""Who finds masks without a word of a person, as receipts name them."""


class Box(NamedTuple):
    """A rectangle in pixels of an upright photo."""

    left: float
    top: float
    width: float
    height: float


class Point(NamedTuple):
    """A place in pixels of an upright photo, right and down of its corner."""

    x: float
    y: float


@dataclass(frozen=True)
class MaskHints:
    """What a person shows of the subject: boxes around it, points on it. They are about the first frame of a clip."""

    boxes: tuple[Box, ...] = ()
    points: tuple[Point, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.boxes or self.points)


@dataclass(frozen=True)
class Subject:
    """What is looked for.

    Attributes:
        motion: in words, as an adapter has it: `birds flying`.
        phrases: what moves, each a phrase that a detector may be asked for.
    """

    motion: str
    phrases: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What to call it in a sentence."""
        return self.phrases[0] if self.phrases else self.motion


@dataclass(frozen=True, kw_only=True)
class MaskRequest:
    """A photo in which a subject is looked for.

    Attributes:
        photo: any file that `open_photo` reads.
        subject: None where hints say all.
        output: the PNG to write.
        hints: what a person shows of it; they decide.
        segmenter: the folder of the detector and the cutter; None where they are not on this machine.
        drawn: a mask file of the person's own, to be read and checked instead of looking for anything.
        inverted: whether white and black change places.
        preview: a picture of the photo with the mask tinted, beside the photo; None for none.
    """

    photo: Path
    subject: Subject | None
    output: Path
    hints: MaskHints = field(default_factory=MaskHints)
    segmenter: Path | None = None
    drawn: Path | None = None
    inverted: bool = False
    preview: Path | None = None


@dataclass(frozen=True)
class MaskResult:
    """A mask that was written.

    Attributes:
        output: the PNG, of the photo's size.
        preview: the picture that shows it, if one was wanted.
        source: who found it.
        confidence: 0 to 1.
        confident: whether `animate` would use it.
        share: of the picture, 0 to 1.
        notes: what a person should know; sentences without a final full stop.
    """

    output: Path
    preview: Path | None
    source: str
    confidence: float
    confident: bool
    share: float
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ClipMasksRequest:
    """A folder of clips that are to have masks beside them.

    Attributes:
        clips: the folder of clips of one motion.
        subject: as for a photo.
        hints: on the first frame of the clip; only for a folder with one clip.
        segmenter: as for a photo.
        force: make masks anew where there are some.
        preview: write a clip beside each mask that shows it.
    """

    clips: Path
    subject: Subject | None
    hints: MaskHints = field(default_factory=MaskHints)
    segmenter: Path | None = None
    force: bool = False
    preview: bool = False


@dataclass(frozen=True)
class ClipMaskResult:
    """The masks of one clip; `written` is false where they were there already and were checked."""

    clip: Path
    mask: Path
    frames: int
    source: str
    confidence: float
    share: float
    written: bool

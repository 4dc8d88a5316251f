"""What is asked and answered about clips to train on; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from pathlib import Path

    from engine.clip_findings import ClipVerdict
    from engine.recipe import TrainRecipe
    from registry_schema.clip_shape import ClipShape

CameraMotion: TypeAlias = Literal["pan-left", "pan-right", "pan-up", "pan-down", "zoom-in", "zoom-out", "roll"]
CAMERA_MOTIONS: Final[tuple[CameraMotion, ...]] = get_args(CameraMotion)


@dataclass(frozen=True, kw_only=True)
class ClipsRequest:
    """A folder of clips to be examined as training would.

    Attributes:
        clips: the folder.
        shape: of the base.
        recipe: its `clips` and its seed decide what is taken of a clip.
        sheet: a picture file to draw a contact sheet into; None draws none.
    """

    clips: Path
    shape: ClipShape
    recipe: TrainRecipe
    sheet: Path | None = None


@dataclass(frozen=True)
class ClipsResult:
    """A verdict on each clip, in the order of their names, and the contact sheet if one was asked for."""

    verdicts: tuple[ClipVerdict, ...]
    sheet: Path | None


@dataclass(frozen=True, kw_only=True)
class CameraRequest:
    """A camera motion to be filmed from pictures.

    Attributes:
        images: the folder of the pictures.
        motion: one of `CAMERA_MOTIONS`.
        clip: the shape of the clips: of the base that will be trained.
        output: the folder for the clips.
        per_picture: clips of each picture.
        seed: decides where the camera looks and how far it goes.
        suffix: of the files; names their format.
    """

    images: Path
    motion: CameraMotion
    clip: ClipShape
    output: Path
    per_picture: int = 5
    seed: int = 42
    suffix: str = ".apng"


@dataclass(frozen=True)
class CameraResult:
    """Clips of a camera motion: their folder, how many, the recipe that training should use, and all their bytes."""

    folder: Path
    pictures: int
    clips: int
    recipe: Path
    size_bytes: int

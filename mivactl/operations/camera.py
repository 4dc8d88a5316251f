"""Film a camera motion from a folder of pictures: the synthetic clips that such a motion is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mivactl.disk import disk_errors
from mivactl.engine_bridge import CameraRequest, SilentProgress, make_camera_clips
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import CameraMotion, CameraResult, Progress
    from mivactl.session import Session

FORMATS = ("apng", "mp4", "webp", "gif", "webm")
MOST = 1000


@dataclass(frozen=True, kw_only=True)
class CameraOptions:
    """What is filmed, and how.

    Attributes:
        images: a folder of pictures.
        motion: one of the camera motions.
        output: the folder for the clips.
        base: whose frames the clips have; None takes the settings' one. Its weights need not be here.
        count: clips of each picture.
        seed: decides where the camera looks.
        file_format: one of `FORMATS`.
    """

    images: Path
    motion: str
    output: Path
    base: str | None = None
    count: int = 5
    seed: int = 42
    file_format: str = "apng"


def film_pictures(options: CameraOptions, session: Session, *, progress: Progress | None = None) -> CameraResult:
    """The folder of clips, whole or not at all.

    Raises:
        NotFound: no such folder or base, or no pictures.
        UsageProblem: pictures that can not be read or are too small, or an option out of range.
        ResourceProblem: the disk is full.
    """
    if not 1 <= options.count <= MOST:
        raise UsageProblem(f"`--count {options.count}`, expected 1 to {MOST}", hint="pass `--count 5`")
    if options.file_format not in FORMATS:
        hint = f"formats are {', '.join(FORMATS)}"
        raise UsageProblem(f"no format `{options.file_format}` for clips of a camera", hint=hint)
    base = session.base(options.base or session.settings.base)
    request = CameraRequest(
        images=options.images,
        motion=cast("CameraMotion", options.motion),
        clip=base.spec.clip,
        output=options.output,
        per_picture=options.count,
        seed=options.seed,
        suffix=f".{options.file_format}",
    )
    with disk_errors(options.output):
        return make_camera_clips(request, progress or SilentProgress())

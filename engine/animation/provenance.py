"""The receipt of a clip: what it was made of, with what, and how."""

from __future__ import annotations

import platform
import unicodedata
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from engine.video.photo import pixel_digest
from registry_schema.digests import Digest
from registry_schema.receipt import OutputRecord, PhotoRecord, Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from engine.animation.photo_masks import PhotoMask
    from engine.animation.studio import Studio
    from engine.video.framing import Size
    from engine.video.photo import Photo
    from registry_schema.receipt import ClipFormat, RunSettings

PACKAGES = ("torch", "diffusers", "safetensors", "numpy", "pillow", "av", "opencv-python-headless")
LONGEST_NAME = 200


def photo_record(photo: Photo) -> PhotoRecord:
    """The photo of a run."""
    name = plain_name(photo.name)
    return PhotoRecord(name=name, digest=Digest(photo.file_digest), pixels=Digest(photo.pixel_digest))


def settings_of_run(
    settings: RunSettings, studio: Studio, base_size: Size, masks: Sequence[PhotoMask] = ()
) -> RunSettings:
    """The settings with what was only known while running: device, formats, the base's size and masks of this photo."""
    clip = settings.clip.model_copy(update={"height": base_size.height, "width": base_size.width})
    update = {"clip": clip, "device": studio.device, "dtype": studio.dtype, "memory": studio.memory}
    if settings.masks is not None:
        given = tuple(mask.record for mask in masks)
        return settings.model_copy(update=update | {"masks": settings.masks.model_copy(update={"given": given})})
    return settings.model_copy(update=update)


def frames_digest(base_frames: NDArray[np.uint8]) -> Digest:
    """Digest of the base's frames `f h w 3`: what a replay on the same machine gives again."""
    return Digest(pixel_digest(base_frames))


def make_receipt(
    studio: Studio,
    photo: PhotoRecord,
    settings: RunSettings,
    *,
    frames: Digest,
    clip_format: ClipFormat,
    tools: Mapping[str, str],
) -> Receipt:
    """The sealed receipt of one clip file.

    Args:
        studio: base and adapters.
        photo: see `photo_record`.
        settings: see `settings_of_run`.
        frames: see `frames_digest`.
        clip_format: of the file.
        tools: versions of the caller's tools.
    """
    return Receipt.seal(
        photo=photo,
        adapters=tuple(use.record for use in studio.uses),
        base=studio.base.spec.base_identity,
        settings=settings,
        versions={**engine_versions(), **tools},
        output=OutputRecord(frames=frames, format=clip_format),
    )


def engine_versions() -> dict[str, str]:
    """Versions of everything that can change a pixel."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def plain_name(name: str) -> str:
    """A file name as one line of text: what a receipt can not hold becomes `_`."""
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    plain = "".join("_" if unicodedata.category(character) in hidden else character for character in name).strip()
    return plain[-LONGEST_NAME:].strip() or "photo"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"

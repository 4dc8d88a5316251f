"""Any Pillow mode and any embedded colour profile as 8-bit sRGB and a separate alpha."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from numpy.typing import NDArray

# 65535 / 257 = 255: sixteen bits onto eight, both ends exact.
SIXTEEN_TO_EIGHT = 257
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


@dataclass(frozen=True, eq=False)
class SrgbPicture:
    """Pixels `h w 3` uint8 sRGB, alpha `h w` uint8 or None, and notes about what was not as expected."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    notes: tuple[str, ...]


def to_srgb(image: Image.Image) -> SrgbPicture:
    """A decoded picture of any mode in sRGB; a profile that can not be used is noted and taken for sRGB."""
    profile = image.info.get("icc_profile")
    alpha = _alpha(image)
    plain = _eight_bit(image)
    notes: tuple[str, ...] = ()
    if profile or plain.mode == "LAB":
        plain, notes = _from_profile(plain, profile)
    pixels = np.array(plain.convert("RGB"), dtype=np.uint8)
    return SrgbPicture(pixels, alpha, notes)


def _alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    """The alpha of a picture, from a band, a palette or a transparent colour; None without any."""
    if not image.has_transparency_data or image.mode in DEEP_MODES:
        return None
    return np.array(image.convert("RGBA").getchannel("A"), dtype=np.uint8)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture without alpha in one of the modes L, RGB, CMYK, LAB."""
    if image.mode in DEEP_MODES:
        return _from_deep(image)
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    if image.mode in ("1", "LA", "La"):
        return image.convert("LA").getchannel("L") if image.mode != "1" else image.convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """Grey with more than 8 bits as L: 16-bit integers by 257, floating point taken as 0..1 when it fits there."""
    levels = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        levels = levels * (255 if np.nanmax(levels, initial=0) <= 1 else 1)
    elif image.mode != "I" or levels.max(initial=0) > 255:
        levels = levels / SIXTEEN_TO_EIGHT
    return Image.fromarray(np.rint(np.nan_to_num(levels).clip(0, 255)).astype(np.uint8))


def _from_profile(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture converted from its profile to sRGB; unchanged, with a note, where the profile does not apply."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
        usable = _in_profile_mode(image, source)
        converted = ImageCms.profileToProfile(
            usable,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        if image.mode == "LAB":
            raise
        return image, ("the embedded colour profile can not be used; the colours are taken as sRGB",)
    return (image, ()) if converted is None else (converted, ())


def _in_profile_mode(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """The picture in the mode the profile speaks of: a grey profile may sit in a file that was widened to RGB."""
    space = profile.profile.xcolor_space.strip()
    mode = PROFILE_MODES.get(space)
    if mode is None or ("CMYK" in (mode, image.mode) and mode != image.mode):
        message = f"a profile for {space} in a picture of mode {image.mode}"
        raise ValueError(message)
    return image if image.mode == mode else image.convert(mode)

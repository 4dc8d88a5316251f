"""The bytes of a photo as an upright Pillow image; every way in which a file is no photo gets its own sentence."""

from __future__ import annotations

import io
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from engine.video.existing import existing
from engine.video.file_kind import is_heic, kind_of
from registry_schema.errors import IntegrityProblem, MivaError, ResourceProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_BYTES = 1 << 30
# Formats that Pillow decodes by itself: EPS would start Ghostscript.
# MPO comes with JPEG: it has no entry of its own in Pillow's table.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM", "TGA", "ICO")
# Pillow would open these as TIFF and show their thumbnail.
RAW_SUFFIXES = frozenset((".dng", ".nef", ".nrw", ".cr2", ".arw", ".orf", ".rw2", ".pef", ".srw", ".3fr", ".iiq"))
READABLE = "JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP, JPEG 2000, PPM, HEIC"
DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, ArithmeticError)

_pixel_limit_lock = threading.Lock()


def read_bytes(path: Path) -> bytes:
    """The content of the file at `path`.

    Raises:
        NotFound: nothing is there.
        UsageProblem: a folder, an empty or a special file, or one that may not be read.
        ResourceProblem: larger than 1 GiB.
    """
    status = existing(path, what="photo")
    if stat.S_ISDIR(status.st_mode):
        raise UsageProblem(f"`{path}` is a folder, expected a photo", hint=f"name a file in it: `{path}/photo.jpg`")
    if not stat.S_ISREG(status.st_mode):
        raise UsageProblem(f"`{path}` is a special file, expected a photo", hint=f"formats read: {READABLE}")
    size = status.st_size
    if size == 0:
        raise UsageProblem(f"`{path}` is empty, expected a photo", hint="copy the photo again")
    if size > MAX_FILE_BYTES:
        raise ResourceProblem(f"`{path}` has {size} bytes, a photo may have {MAX_FILE_BYTES}", hint="save it as JPEG")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise UsageProblem(f"`{path}` may not be read", hint=f"allow it: `chmod u+r {path}`") from error
    except OSError as error:
        raise IntegrityProblem(f"`{path}` can not be read: {error.strerror}", hint="copy the photo again") from error


@contextmanager
def opened(content: bytes, *, path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """The picture with its header read and its size judged, its pixels not decoded yet."""
    with _identified(content, path=path) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ResourceProblem(
                f"`{path.name}` has {width} x {height} = {width * height / 1e6:.0f} megapixels, "
                f"the limit is {max_pixels / 1e6:.0f}",
                hint="make it smaller first, a long side of 4000 pixels is plenty",
            )
        yield image


def decoded(image: Image.Image, *, path: Path, shrink_to: int | None) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture decoded and turned upright, with notes; JPEGs at reduced size where `shrink_to` allows."""
    notes = []
    if getattr(image, "n_frames", 1) > 1 and image.format in ("GIF", "PNG", "WEBP", "AVIF"):
        notes.append(f"the file has {getattr(image, 'n_frames', 1)} frames; the first one is used")
    try:
        if shrink_to is not None:
            _draft(image, shrink_to=shrink_to)
        image.load()
    except MemoryError as error:
        raise ResourceProblem(f"`{path.name}` does not fit into memory", hint="make the photo smaller") from error
    except DECODER_ERRORS as error:
        raise IntegrityProblem(
            f"`{path.name}` is a {image.format} picture that is truncated or damaged", hint="copy the photo again"
        ) from error
    try:
        upright = ImageOps.exif_transpose(image)
    except DECODER_ERRORS:
        notes.append("the EXIF data is damaged; the picture is used as it lies")
        upright = image
    return upright, tuple(notes)


def _draft(image: Image.Image, *, shrink_to: int) -> None:
    """Let the JPEG decoder halve the picture while both sides stay above what is needed."""
    long_side = max(image.size)
    if long_side > shrink_to:
        width, height = (max(1, -(-side * shrink_to // long_side)) for side in image.size)
        image.draft(None, (width, height))


@contextmanager
def _identified(content: bytes, *, path: Path) -> Iterator[Image.Image]:
    if is_heic(content):
        yield _open_heic(content, path=path)
        return
    if path.suffix.lower() in RAW_SUFFIXES:
        raise not_a_photo(content, path=path)
    try:
        image = _open_lazily(content)
    except DECODER_ERRORS as error:
        raise not_a_photo(content, path=path) from error
    with image:
        yield image


def _open_lazily(content: bytes) -> Image.Image:
    """`Image.open` without Pillow's own pixel limit, which warns at a size of its own and names no way out."""
    with _pixel_limit_lock:
        pillow_limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(io.BytesIO(content), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit


def _open_heic(content: bytes, *, path: Path) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise UsageProblem(
            f"`{path.name}` is a HEIC photo, which needs one more package", hint="pip install 'mivactl[heic]'"
        ) from error
    try:
        image: Image.Image = HeifImageFile(io.BytesIO(content))
    except DECODER_ERRORS as error:
        raise IntegrityProblem(f"`{path.name}` is a damaged HEIC photo", hint="copy the photo again") from error
    return image


def not_a_photo(content: bytes, *, path: Path) -> MivaError:
    """The error for content that no decoder knows: it says what the file seems to be."""
    kind = "a camera RAW photo" if path.suffix.lower() in RAW_SUFFIXES else kind_of(content)
    if kind.endswith(" picture"):
        return IntegrityProblem(
            f"`{path.name}` starts as {kind}, what follows is truncated or damaged", hint="copy the photo again"
        )
    if kind.startswith("a camera RAW"):
        hint = "develop it first: export it as JPEG or TIFF from your photo program"
    elif kind.startswith("a video"):
        hint = f"take one frame of it: `ffmpeg -i {path.name} -frames:v 1 photo.png`"
    else:
        hint = f"formats read: {READABLE}"
    return UsageProblem(f"`{path.name}` is {kind}, expected a photo", hint=hint)

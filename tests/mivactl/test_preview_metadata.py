"""Previews lose what cameras and programs wrote into them, keep every pixel, and keep the receipt that made them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence, PngImagePlugin

from engine.animation.clip_files import read_receipt, write_clip_file
from mivactl.preview_metadata.strip import stripped
from registry_schema.digests import Digest
from registry_schema.errors import UsageProblem
from tests.mivactl.previews import receipt_of
from tests.mivactl.world import World, write_draft

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"Nadar"
LATITUDE = (48.0, 51.0, 24.0)
FRAMES = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), dtype=np.uint8)
SUFFIXES = (".png", ".webp", ".gif", ".mp4")
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"


def with_place() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "a picture by Nadar"
    exif[0x013B] = SECRET.decode()
    exif.get_ifd(0x8825)[2] = LATITUDE
    return exif


def camera_file(suffix: str) -> bytes:
    """What a camera or an editor saves: who, where, when, with what."""
    if suffix == ".mp4":
        return camera_clip()
    frames = [Image.fromarray(frame) for frame in FRAMES]
    file = io.BytesIO()
    rest = {"save_all": True, "append_images": frames[1:], "duration": 100, "loop": 0}
    if suffix == ".png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", SECRET.decode())
        text.add_itxt("Comment", SECRET.decode(), zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        frames[0].save(file, "PNG", exif=with_place(), pnginfo=text, **rest)
    elif suffix == ".webp":
        frames[0].save(file, "WEBP", lossless=True, exif=with_place(), xmp=XMP, **rest)
    else:
        frames[0].save(file, "GIF", comment=SECRET, **rest)
    return file.getvalue()


def camera_clip() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as clip:
        clip.metadata.update({"location": "+48.8577+002.295/", "artist": SECRET.decode(), "comment": "by Nadar"})
        stream = clip.add_stream("mpeg4", rate=8)
        stream.width = stream.height = 16
        for frame in FRAMES:
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        clip.mux(stream.encode())
    return file.getvalue()


def pixels(data: bytes, suffix: str) -> list[bytes]:
    if suffix == ".mp4":
        with av.open(io.BytesIO(data)) as clip:
            return [frame.to_ndarray(format="rgb24").tobytes() for frame in clip.decode(video=0)]
    with Image.open(io.BytesIO(data)) as image:
        return [frame.convert("RGBA").tobytes() for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_who_and_where_is_gone_and_every_pixel_is_there(suffix: str):
    data = camera_file(suffix)
    clean = stripped(data, name=f"preview{suffix}")
    assert SECRET in data or suffix == ".png"
    assert SECRET not in clean
    assert b"+48.8577" not in clean
    assert pixels(clean, suffix) == pixels(data, suffix)
    assert len(pixels(clean, suffix)) == 4
    assert stripped(clean, name=f"preview{suffix}") == clean
    if suffix in {".png", ".webp"}:
        with Image.open(io.BytesIO(clean)) as image:
            assert not image.getexif()
            assert not {"Author", "xmp", "exif", "Comment"} & set(image.info)
    elif suffix == ".mp4":
        with av.open(io.BytesIO(clean)) as clip:
            assert not {"location", "artist", "comment"} & set(clip.metadata)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif", ".mp4"])
def test_a_preview_of_our_own_keeps_every_byte(tmp_path: Path, suffix: str):
    path = tmp_path / f"preview{'.apng' if suffix == '.png' else suffix}"
    receipt = receipt_of(Digest.of(b"weights"))
    write_clip_file(path, FRAMES, receipt=receipt)
    data = path.read_bytes()
    assert stripped(data, name=f"preview{suffix}") == data
    assert read_receipt(path) == receipt


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("end", [0.2, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused_or_has_nothing_left_to_tell(suffix: str, end: float):
    data = camera_file(suffix)
    try:
        clean = stripped(data[: int(len(data) * end)], name=f"preview{suffix}")
    except UsageProblem:
        return
    assert SECRET not in clean


def test_what_hides_behind_the_end_of_a_picture_is_left_out():
    for suffix in (".png", ".gif", ".webp"):
        assert SECRET not in stripped(camera_file(suffix) + SECRET, name=f"preview{suffix}")


def test_a_published_preview_has_no_place_in_it_and_the_draft_keeps_its_own(world: World):
    draft = write_draft(world.folder / "draft")
    (draft / "preview.webp").write_bytes(camera_file(".webp"))
    said = world.ok("publish", draft)
    assert "preview.webp went out without its metadata" in said.err
    blobs = [path.read_bytes() for path in (world.home / "registry" / "blobs").rglob("*") if path.is_file()]
    assert any(blob.startswith(b"RIFF") for blob in blobs)
    assert not any(SECRET in blob for blob in blobs)
    assert (draft / "preview.webp").read_bytes() == camera_file(".webp")
    world.ok("install", "my/waterfall")
    world.ok("verify")

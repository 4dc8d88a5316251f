"""Photos of every kind come out upright, sRGB and opaque; what is no photo gets one clear error."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from engine.video.photo import open_photo, pixel_digest
from registry_schema.errors import IntegrityProblem, NotFound, ResourceProblem, UsageProblem
from tests.engine.video.picture_files import (
    display_p3,
    encoded,
    enormous_png,
    four_corners,
    stored_as,
    with_orientation,
)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_comes_out_upright(tmp_path, kind, orientation):
    path = tmp_path / f"photo.{kind.lower()}"
    stored = Image.fromarray(stored_as(four_corners(), orientation))
    lossless = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    stored.save(path, format=kind, exif=with_orientation(orientation), **lossless)
    pixels = open_photo(path).pixels
    assert pixels.shape == four_corners().shape
    assert np.abs(pixels.astype(int) - four_corners()).mean() < 2


def test_a_display_p3_red_becomes_the_nearest_srgb_red(tmp_path):
    path = tmp_path / "phone.png"
    patch = np.full((16, 16, 3), (200, 60, 50), dtype=np.uint8)
    Image.fromarray(patch).save(path, icc_profile=display_p3())
    # P3 (200, 60, 50) by the matrices of CSS Color 4: linear P3 -> XYZ -> linear sRGB -> sRGB.
    p3_to_srgb = np.array(
        [[1.2249402, -0.2249402, 0.0], [-0.0420570, 1.0420570, 0.0], [-0.0196376, -0.0786361, 1.0982735]]
    )
    level = patch[0, 0] / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = np.clip(p3_to_srgb @ linear, 0, 1)
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(open_photo(path).pixels[8, 8], expected, atol=2)


def test_a_profile_that_does_not_apply_is_noted_and_the_photo_still_opens(tmp_path):
    path = tmp_path / "odd.png"
    Image.fromarray(four_corners()).save(path, icc_profile=b"no profile at all, but long enough to be one" * 4)
    photo = open_photo(path)
    np.testing.assert_array_equal(photo.pixels, four_corners())
    assert "colour profile" in photo.notes[0]


def test_alpha_is_kept_and_composited_on_the_opaque_edge(tmp_path):
    pixels = np.full((20, 30, 4), (10, 200, 30, 255), dtype=np.uint8)
    pixels[5:10, 5:10] = (250, 0, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "hole.png")
    photo = open_photo(tmp_path / "hole.png")
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha, pixels[..., 3])
    np.testing.assert_array_equal(photo.pixels, np.full((20, 30, 3), (10, 200, 30)))


def test_a_cut_out_that_touches_no_edge_lies_on_white_or_on_the_background_asked_for(tmp_path):
    pixels = np.zeros((20, 30, 4), dtype=np.uint8)
    pixels[5:15, 5:15] = (10, 20, 200, 255)
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    assert tuple(open_photo(tmp_path / "cut.png").pixels[0, 0]) == (255, 255, 255)
    assert tuple(open_photo(tmp_path / "cut.png", background=(1, 2, 3)).pixels[0, 0]) == (1, 2, 3)
    assert tuple(open_photo(tmp_path / "cut.png", background=(1, 2, 3)).pixels[8, 8]) == (10, 20, 200)


def test_an_opaque_alpha_is_no_mask(tmp_path):
    Image.fromarray(four_corners()).convert("RGBA").save(tmp_path / "opaque.png")
    assert open_photo(tmp_path / "opaque.png").alpha is None


def test_sixteen_bits_become_eight_without_losing_either_end(tmp_path):
    levels = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(16, axis=0)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    Image.fromarray(levels).save(tmp_path / "deep.tiff")
    for name in ("deep.png", "deep.tiff"):
        pixels = open_photo(tmp_path / name).pixels
        np.testing.assert_array_equal(pixels[0, :, 0], np.arange(256))


@pytest.mark.parametrize(("mode", "name", "tolerance"), [
    ("L", "grey.png", 0), ("1", "ink.png", 128), ("LA", "grey-alpha.png", 0), ("P", "palette.png", 30),
    ("P", "palette.gif", 30), ("CMYK", "print.jpg", 4), ("CMYK", "print.tiff", 2), ("L", "grey.jpg", 2),
])  # fmt: skip
def test_every_mode_becomes_rgb(tmp_path, mode, name, tolerance):
    ramp = np.linspace(0, 255, 64).round().astype(np.uint8)[None, :, None].repeat(16, axis=0).repeat(3, axis=2)
    image = Image.fromarray(ramp)
    image.convert(mode, dither=Image.Dither.NONE).save(tmp_path / name)
    pixels = open_photo(tmp_path / name).pixels
    assert pixels.shape == (16, 64, 3)
    assert np.abs(pixels.astype(int) - ramp).max() <= tolerance


def test_a_transparent_palette_colour_is_alpha(tmp_path):
    image = Image.fromarray(four_corners()).quantize(4)
    image.save(tmp_path / "clear.gif", transparency=image.getpixel((0, 0)))
    photo = open_photo(tmp_path / "clear.gif")
    assert photo.alpha is not None
    assert photo.alpha[0, 0] == 0
    assert photo.alpha[0, -1] == 255


def test_digests_are_of_the_file_and_of_what_was_seen(tmp_path):
    for name in ("a.png", "b.bmp"):
        Image.fromarray(four_corners()).save(tmp_path / name)
    one, other = open_photo(tmp_path / "a.png"), open_photo(tmp_path / "b.bmp")
    assert one.pixel_digest == other.pixel_digest == pixel_digest(four_corners())
    assert one.file_digest != other.file_digest
    assert one.file_digest == "sha256:" + hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert pixel_digest(four_corners()) != pixel_digest(four_corners().reshape(-1, 16, 3))


def test_a_huge_jpeg_is_decoded_at_the_size_that_is_needed(tmp_path):
    big = Image.fromarray(four_corners()).resize((3000, 2000), Image.Resampling.NEAREST)
    big.save(tmp_path / "big.jpg", exif=with_orientation(6))
    photo = open_photo(tmp_path / "big.jpg", shrink_to=700)
    assert photo.size == (500, 750)
    assert open_photo(tmp_path / "big.jpg").size == (2000, 3000)


def test_an_animation_says_that_its_first_frame_is_used(tmp_path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    photo = open_photo(tmp_path / "two.gif")
    assert photo.notes == ("the file has 2 frames; the first one is used",)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.jpg", b"Dear diary,\ntoday nothing moved\n", "`a.jpg` is a text file, expected a photo"),
    ("b.jpg", "żółw żółw".encode(), "`b.jpg` is a text file, expected a photo"),
    ("c.jpg", b"%PDF-1.7 and so on", "`c.jpg` is a PDF document, expected a photo"),
    ("d.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "`d.png` is an SVG drawing, expected a photo"),
    ("e.jpg", b"<!DOCTYPE html><html></html>", "`e.jpg` is an HTML page, expected a photo"),
    ("f.jpg", b"PK\x03\x04" + bytes(60), "`f.jpg` is a ZIP archive or an office document, expected a photo"),
    ("g.jpg", b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00mp42", "`g.jpg` is a video (MP4 or QuickTime), expected a photo"),  # noqa: E501
    ("h.cr3", b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "`h.cr3` is a camera RAW photo, expected a photo"),
    ("n.nef", b"II*\0" + bytes(60), "`n.nef` is a camera RAW photo, expected a photo"),
    ("i.jpg", bytes(range(200, 256)) * 9, "`i.jpg` is a file of an unknown kind, expected a photo"),
    ("j.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", "`j.eps` is a PostScript document, expected a photo"),
])  # fmt: skip
def test_what_is_no_photo_is_called_by_its_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageProblem) as caught:
        open_photo(tmp_path / name)
    assert caught.value.message == message
    assert caught.value.hint


def test_missing_empty_and_folders_have_their_own_words(tmp_path):
    with pytest.raises(NotFound, match=r"photo `.*none\.jpg` does not exist"):
        open_photo(tmp_path / "none.jpg")
    with pytest.raises(UsageProblem, match=r"is a folder, expected a photo"):
        open_photo(tmp_path)
    with pytest.raises(UsageProblem, match="can not be looked at: File name too long"):
        open_photo(tmp_path / ("n" * 300))
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(UsageProblem, match=r"is empty, expected a photo"):
        open_photo(tmp_path / "empty.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    whole = encoded(noise, kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(IntegrityProblem, match="truncated or damaged") as caught:
        open_photo(path)
    assert caught.value.hint


def test_random_damage_gives_a_picture_or_one_of_our_errors(tmp_path):
    generator = np.random.default_rng(7)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000"):
        whole = np.frombuffer(encoded(four_corners(), kind), dtype=np.uint8)
        for _ in range(25):
            damaged = whole.copy()
            places = generator.integers(0, len(damaged), 6)
            damaged[places] = generator.integers(0, 256, 6, dtype=np.uint8)
            path = tmp_path / "damaged"
            path.write_bytes(damaged.tobytes())
            with contextlib.suppress(IntegrityProblem, UsageProblem, ResourceProblem):
                open_photo(path)


def test_four_hundred_megapixels_are_refused_before_they_cost_memory(tmp_path):
    path = enormous_png(tmp_path / "poster.png", width=20_000, height=20_000)
    script = f"""
        import resource, sys
        from pathlib import Path
        from engine.video.photo import open_photo
        from registry_schema.errors import ResourceProblem
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            open_photo(Path({str(path)!r}))
        except ResourceProblem as error:
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(error.message)
            print(error.exit_code, error.hint is not None, after - before < 40_000)
    """
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    ).stdout
    assert shown == ("`poster.png` has 20000 x 20000 = 400 megapixels, the limit is 100\n10 True True\n")


def test_the_limit_is_ours_and_pillows_own_stays_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    Image.fromarray(four_corners()).save(tmp_path / "small.png")
    with pytest.raises(ResourceProblem, match="48 x 32 = 0 megapixels"):
        open_photo(tmp_path / "small.png", max_pixels=1000)
    assert before == Image.MAX_IMAGE_PIXELS


def test_heic_without_its_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "phone.heic").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(50))
    with pytest.raises(UsageProblem, match="HEIC photo, which needs one more package") as caught:
        open_photo(tmp_path / "phone.heic")
    assert caught.value.hint == "pip install 'mivactl[heic]'"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_comes_out_upright(tmp_path, orientation):
    import pillow_heif

    stored = Image.fromarray(stored_as(four_corners(64, 48), orientation))
    pillow_heif.from_pillow(stored).save(
        tmp_path / "phone.heic", exif=with_orientation(orientation).tobytes(), quality=95, chroma=444
    )
    pixels = open_photo(tmp_path / "phone.heic").pixels
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.astype(int) - four_corners(64, 48)).mean() < 4

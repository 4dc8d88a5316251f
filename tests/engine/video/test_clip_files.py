"""Clips in files: colours, times, sizes, receipts and whole-or-nothing writing, through the real encoders."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from engine.video.clip_reader import Clip, is_clip, read_clip
from engine.video.clip_writer import SUFFIXES, check_output, looped, write_clip
from engine.video.container_tag import read_receipt
from engine.video.picture_encoder import durations
from registry_schema.errors import IntegrityProblem, NotFound, ResourceProblem, UsageProblem
from tests.engine.video.drawn_motion import moved, psnr, textured
from tests.photographs import NAMES, at_size

EVERY_FORMAT = (*SUFFIXES, "")
LOSSLESS = (".png", ".apng", "")
RECEIPT = '{"photo": "Ærøskøbing 漢字.jpg", "note": "' + "0123456789abcdef" * 384 + '"}'


@pytest.fixture(scope="module")
def clip():
    return moved(textured(160, 96), "shift", frames=6)


@pytest.mark.parametrize("suffix", EVERY_FORMAT)
def test_what_is_written_is_read_back_with_its_receipt(tmp_path, clip, suffix):
    path = tmp_path / f"clip{suffix}"
    written = write_clip(clip, path, fps=8, receipt_text=RECEIPT)
    assert (written.width, written.height, written.frame_count, written.seconds) == (160, 96, 6, 0.75)
    assert written.receipt_kept
    assert written.notes == ()
    assert read_receipt(path) == RECEIPT
    back = read_clip(path)
    assert back.frames.shape == clip.shape
    np.testing.assert_allclose(back.times, np.arange(6) / 8, atol=0.006)
    assert back.fps == pytest.approx(8, rel=0.02)
    for one, other in zip(back.frames, clip, strict=True):
        assert psnr(one, other) > (98 if suffix in LOSSLESS else 26)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", EVERY_FORMAT)
def test_a_clip_without_a_receipt_has_none(tmp_path, clip, suffix):
    path = tmp_path / f"clip{suffix}"
    assert write_clip(clip, path, fps=8).receipt_kept
    assert read_receipt(path) is None


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_flat_colours_survive_a_second_decoder(tmp_path, suffix):
    colours = [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
        (0, 0, 0),
        (128, 128, 128),
        (230, 180, 40),
        (20, 90, 160),
    ]
    frame = np.zeros((64, 64 * len(colours), 3), dtype=np.uint8)
    for place, colour in enumerate(colours):
        frame[:, place * 64 : (place + 1) * 64] = colour
    path = tmp_path / f"flat{suffix}"
    write_clip(np.repeat(frame[None], 3, axis=0), path, fps=8)
    capture = cv2.VideoCapture(str(path))
    for decoded in (read_clip(path).frames[0], capture.read()[1][..., ::-1]):
        for place, colour in enumerate(colours):
            patch = decoded[16:48, place * 64 + 16 : place * 64 + 48].astype(int)
            assert np.abs(patch - colour).max() <= 3, colour


def test_mp4_is_tagged_and_can_be_streamed(tmp_path, clip):
    path = tmp_path / "clip.mp4"
    write_clip(clip, path, fps=8)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (stream.codec.name, context.pix_fmt) == ("h264", "yuv420p")
        tags = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
        assert tuple(int(tag) for tag in tags) == (1, 1, 1, 1)
        assert float(stream.duration * stream.time_base) == pytest.approx(0.75)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("name", NAMES)
def test_frame_0_of_a_photograph_keeps_36_decibels_in_mp4(tmp_path, name):
    photo = at_size(name, 1280, 800)
    path = tmp_path / "photo.mp4"
    write_clip(moved(photo, "local", frames=3), path, fps=8)
    assert psnr(read_clip(path).frames[0], photo) >= 36


def test_odd_sides_are_padded_and_said_so(tmp_path, clip):
    odd = clip[:, :95, :159]
    written = write_clip(odd, tmp_path / "odd.mp4", fps=8)
    assert written.notes == ("159x95 was padded to 160x96: video needs even sides",)
    back = read_clip(tmp_path / "odd.mp4").frames
    assert back.shape[1:] == (96, 160, 3)
    assert psnr(back[0][:95, :159], odd[0]) > 28
    assert write_clip(odd, tmp_path / "odd.gif", fps=8).notes == ()
    assert read_clip(tmp_path / "odd.gif").frames.shape[1:] == (95, 159, 3)


def test_gif_times_add_up():
    assert durations(5, fps=8, ticks=100) == [12, 13, 12, 13, 12]
    for fps in (7, 8, 12, 15, 24, 29.97):
        assert abs(sum(durations(48, fps=fps, ticks=100)) - 4800 / fps) <= 1


def test_a_gif_lasts_as_long_as_the_mp4(tmp_path, clip):
    twice = np.concatenate([clip, clip[::-1] ^ 1, clip])[:16]
    write_clip(twice, tmp_path / "clip.gif", fps=8)
    with Image.open(tmp_path / "clip.gif") as image:
        stays = []
        for place in range(image.n_frames):
            image.seek(place)
            stays.append(image.info["duration"])
        assert stays == [120, 130] * 8
        assert image.info["loop"] == 0
    assert read_clip(tmp_path / "clip.gif").seconds == pytest.approx(2)


def test_pingpong_meets_itself_without_showing_an_end_twice(tmp_path, clip):
    there_and_back = looped(clip, "pingpong")
    assert len(there_and_back) == 10
    np.testing.assert_array_equal(there_and_back[6], clip[4])
    np.testing.assert_array_equal(there_and_back[-1], clip[1])
    written = write_clip(clip, tmp_path / "swing.png", fps=8, loop="pingpong")
    assert (written.frame_count, written.seconds) == (10, 1.25)
    assert len(looped(clip[:1], "pingpong")) == 1


def test_a_still_webp_is_a_picture_and_says_so(tmp_path, clip):
    written = write_clip(np.repeat(clip[:1], 4, axis=0), tmp_path / "still.webp", fps=8)
    assert written.notes == ("nothing moves, so the WebP is a still picture",)
    assert len(read_clip(tmp_path / "still.webp").frames) == 1


@pytest.mark.parametrize("suffix", [suffix for suffix in EVERY_FORMAT if suffix != ".webp"])
def test_a_still_clip_keeps_its_length(tmp_path, clip, suffix):
    path = tmp_path / f"still{suffix}"
    write_clip(np.repeat(clip[:1], 4, axis=0), path, fps=8)
    back = read_clip(path)
    assert back.seconds == pytest.approx(0.5, abs=0.01)
    assert len(back.sampled(8)) == 4


def test_uneven_times_are_honoured(tmp_path, clip):
    path = tmp_path / "uneven.mkv"
    moments = [0, 100, 150, 400, 900, 1000]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "bgr0"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for moment, pixels in zip(moments, clip, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = moment, stream.time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    back = read_clip(path)
    np.testing.assert_allclose(back.times, np.array(moments) / 1000, atol=0.002)
    np.testing.assert_array_equal(back.frames, clip)
    np.testing.assert_array_equal(back.sampled(10)[:6], clip[[0, 1, 2, 2, 3, 3]])


def test_frames_are_shrunk_while_they_are_read(tmp_path, clip):
    for name in ("a.mp4", "a.gif", "a"):
        write_clip(clip, tmp_path / name, fps=8)
        assert read_clip(tmp_path / name, long_side=80).frames.shape == (6, 48, 80, 3)


def test_a_folder_of_photos_is_a_clip_at_8_frames_a_second(tmp_path, clip):
    for place, pixels in enumerate(clip):
        Image.fromarray(pixels).save(tmp_path / f"img{place}.png")
    (tmp_path / "notes.txt").write_text("not a frame")
    back = read_clip(tmp_path)
    np.testing.assert_array_equal(back.frames, clip)
    assert back.fps == 8
    assert is_clip(tmp_path)


def test_sampling_picks_what_a_viewer_sees():
    frames = np.arange(4, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    clip = Clip(frames, np.array([0, 0.5, 0.6, 1.0]), 1.5)
    assert clip.sampled(4)[:, 0, 0, 0].tolist() == [0, 0, 1, 2, 3, 3]
    assert clip.sampled(0.1)[:, 0, 0, 0].tolist() == [0]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp", ".png"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.8])
def test_a_truncated_clip_is_refused(tmp_path, clip, suffix, share):
    whole = tmp_path / f"whole{suffix}"
    write_clip(clip, whole, fps=8)
    content = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(IntegrityProblem, match=rf"clip `cut\{suffix}` (is damaged|has no frames)") as caught:
        read_clip(cut)
    assert caught.value.hint


def test_what_is_no_clip_says_so(tmp_path, clip):
    (tmp_path / "text.mp4").write_text("Dear diary\n" * 40)
    (tmp_path / "doc.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "none").mkdir()
    with pytest.raises(IntegrityProblem, match="damaged after 0 frames"):
        read_clip(tmp_path / "text.mp4")
    with pytest.raises(UsageProblem, match=r"`doc\.pdf` is no clip"):
        read_clip(tmp_path / "doc.pdf")
    with pytest.raises(IntegrityProblem, match="has no frames"):
        read_clip(tmp_path / "none")
    with pytest.raises(NotFound, match="does not exist"):
        read_clip(tmp_path / "missing.mp4")
    with pytest.raises(NotFound, match="does not exist"):
        read_receipt(tmp_path / "missing.mp4")
    with pytest.raises(IntegrityProblem, match="can not be read as a clip"):
        read_receipt(tmp_path / "text.mp4")
    write_clip(clip, tmp_path / "big.mp4", fps=8)
    with pytest.raises(ResourceProblem, match=r"needs more than 0\.0 GiB"):
        read_clip(tmp_path / "big.mp4", max_bytes=100_000)


def test_frames_of_two_sizes_are_no_clip(tmp_path, clip):
    for place, pixels in enumerate((clip[0], clip[0][:50])):
        Image.fromarray(pixels).save(tmp_path / f"{place}.png")
    with pytest.raises(IntegrityProblem, match="frame 1 has 160x50 pixels, the first one has 160x96"):
        read_clip(tmp_path)


@pytest.mark.parametrize("name", ["clip.xyz", "clip.docx", "clip.mp3"])
def test_an_unknown_suffix_lists_what_works(tmp_path, clip, name):
    for attempt in (lambda: check_output(tmp_path / name), lambda: write_clip(clip, tmp_path / name, fps=8)):
        with pytest.raises(UsageProblem, match="which is no clip format") as caught:
            attempt()
        assert ".mp4, .webm, .gif, .webp, .png, .apng or a folder" in caught.value.hint


def test_places_that_can_not_be_written_say_so(tmp_path, clip):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    for name, message in (
        ("file/clip.mp4", "can not be written"),
        ("folder.mp4", "is a folder, expected a file name"),
        ("file", "is a file, expected a folder for the frames"),
        ("full", "holds other files"),
        ("n" * 300 + ".mp4", "can not be written"),
    ):
        with pytest.raises(UsageProblem, match=message) as caught:
            write_clip(clip, tmp_path / name, fps=8)
        assert caught.value.hint
    assert (tmp_path / "full" / "diary.txt").read_text() == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.mp4", "full"]


def test_rates_out_of_range_are_refused(tmp_path, clip):
    for fps in (0, -1, 1000, float("nan")):
        with pytest.raises(UsageProblem, match="frames a second"):
            write_clip(clip, tmp_path / "clip.mp4", fps=fps)
    with pytest.raises(UsageProblem, match="GIF shows at most 50 frames a second"):
        write_clip(clip, tmp_path / "clip.gif", fps=60)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", EVERY_FORMAT)
def test_a_full_disk_leaves_the_old_clip_and_nothing_else(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    script = f"""
        import resource, signal
        from pathlib import Path
        import numpy as np
        from engine.video.clip_writer import write_clip
        from registry_schema.errors import ResourceProblem
        path = Path({str(path)!r})
        write_clip(np.zeros((2, 32, 32, 3), dtype=np.uint8), path, fps=8, receipt_text="old")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        noise = np.random.default_rng(0).integers(0, 255, (6, 256, 256, 3), dtype=np.uint8)
        try:
            write_clip(noise, path, fps=8, receipt_text="new")
        except ResourceProblem as error:
            print(error.exit_code, error.message.startswith("no space left for"))
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert run.stdout == "10 True\n", run.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert read_receipt(path) == "old"


def test_an_interrupted_write_leaves_nothing(tmp_path, clip):
    class Interrupting(np.ndarray):
        def __iter__(self):
            yield from np.asarray(self)[:2]
            raise KeyboardInterrupt

    for name in ("clip.mp4", "clip.gif", "frames"):
        with pytest.raises(KeyboardInterrupt):
            write_clip(clip.view(Interrupting), tmp_path / name, fps=8)
    assert not list(tmp_path.iterdir())


def test_missing_folders_are_made_and_old_frames_replaced(tmp_path, clip):
    write_clip(clip, tmp_path / "new" / "deep" / "clip.mp4", fps=8)
    frames = tmp_path / "frames"
    write_clip(clip, frames, fps=8)
    write_clip(clip[:2], frames, fps=12)
    assert sorted(entry.name for entry in frames.iterdir()) == ["frame-0000.png", "frame-0001.png"]
    assert read_clip(frames).fps == 12


def test_names_in_any_script_work(tmp_path, clip):
    for name in ("водопад 🌊 50%d.mp4", "a:b.webm", "滝.gif"):
        write_clip(clip, tmp_path / name, fps=8, receipt_text="r")
        assert read_receipt(tmp_path / name) == "r"
        assert len(read_clip(tmp_path / name).frames) == 6

"""The clip doctor: every fault by its name, good clips left in peace, and training that judges alike."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.clip_findings import FINDING_KINDS
from engine.clip_requests import ClipsRequest
from engine.progress import SilentProgress
from engine.recipe import ClipChoice, TrainRecipe
from engine.training.clip_checks import STILL_SHARE
from engine.training.clip_dataset import UnusableClips, open_clips
from engine.training.clip_doctor import examine_clips
from engine.training.examined_clip import examine_clip, twin_finding
from engine.video.clip_writer import write_clip
from engine.video.overlay import overlay
from engine.video.shots import cuts
from engine.video.small_frames import small_frames
from engine.video.stillness import busiest_place, moving_share
from registry_schema.clip_shape import ClipShape
from registry_schema.errors import UsageProblem
from tests.engine.training.faulty_clips import EXPECTED, drift, marked, write_faulty_clips, write_film
from tests.photographs import NAMES

NANO = ClipShape(frames=16, height=80, width=128, fps=8)


class Notes(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_faulty_clips(tmp_path_factory.mktemp("faults") / "clips")


@pytest.fixture(scope="module")
def examined(folder, tmp_path_factory):
    sheet = tmp_path_factory.mktemp("sheet") / "clips.png"
    return examine_clips(ClipsRequest(clips=folder, shape=NANO, recipe=TrainRecipe(), sheet=sheet), SilentProgress())


def findings(path, **choice):
    return {one.kind: one for one in examine_clip(path, NANO, ClipChoice(**choice), seed=0).findings}


def test_every_clip_gets_a_verdict_and_every_fault_its_name(examined):
    found = {
        verdict.path.name: (verdict.verdict, tuple(one.kind for one in verdict.findings))
        for verdict in examined.verdicts
    }
    assert found == EXPECTED
    assert {kind for _, kinds in EXPECTED.values() for kind in kinds} == {*FINDING_KINDS} - {"too-large"}


def test_a_clip_that_would_fill_the_memory_is_not_decoded_to_its_end(folder):
    clip = examine_clip(folder / "china.mp4", NANO, ClipChoice(), seed=0, max_bytes=10 * 256 * 160 * 3)
    (finding,) = clip.findings
    assert (finding.kind, finding.usable) == ("too-large", False)
    assert "ffmpeg -i china.mp4 -t 4" in finding.remedy


def test_a_remedy_stands_beside_each(examined):
    for verdict in examined.verdicts:
        for finding in verdict.findings:
            assert finding.reason
            assert finding.remedy
            assert "{" not in finding.remedy


def test_the_contact_sheet_shows_a_row_for_each(examined):
    with Image.open(examined.sheet) as sheet:
        assert sheet.height >= 45 * len(examined.verdicts)
        assert np.asarray(sheet)[:, 260:].std() > 40
    assert [path.name for path in examined.sheet.parent.iterdir()] == ["clips.png"]


def test_a_sheet_that_is_no_picture_is_refused_before_the_clips_are_read(folder, tmp_path):
    request = ClipsRequest(clips=folder, shape=NANO, recipe=TrainRecipe(), sheet=tmp_path / "clips.pdf")
    with pytest.raises(UsageProblem, match=r"`clips\.pdf` is no picture"):
        examine_clips(request, SilentProgress())


def test_training_refuses_what_the_doctor_calls_unusable(folder, examined):
    with pytest.raises(UnusableClips) as caught:
        open_clips(folder, NANO, ClipChoice(), seed=0, progress=SilentProgress())
    unusable = {verdict.path.name for verdict in examined.verdicts if verdict.verdict == "unusable"}
    assert {fault.path.name for fault in caught.value.faults} == unusable
    assert caught.value.hint.endswith("or train without them: `--leave-out unusable`")


def test_training_leaves_out_what_it_was_allowed_to_and_says_all_of_it(folder, examined):
    notes = Notes()
    choice = ClipChoice(leave_out=("unusable", "near-duplicate", "static"))
    dataset = open_clips(folder, NANO, choice, seed=0, progress=notes)
    gone = {
        name
        for name, (verdict, kinds) in EXPECTED.items()
        if verdict == "unusable" or {*kinds} & {"near-duplicate", "static"}
    }
    assert {fault.path.name for fault in dataset.left_out} == gone
    assert {clip.path.name for clip in dataset.clips} == set(EXPECTED) - gone
    windows = sum(len(clip.windows) for clip in dataset.clips)
    assert notes.texts[0] == f"{len(dataset.clips)} clips, {windows} windows of 2.00 s"
    for name, (_, kinds) in EXPECTED.items():
        if name in gone:
            assert any(text.startswith(f"left out: `{name}`: ") for text in notes.texts), name
        else:
            assert all(any(text.startswith(f"`{name}`: {kind}: ") for text in notes.texts) for kind in kinds), name


def test_when_nothing_is_left_that_is_an_error(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    with pytest.raises(UnusableClips, match=r"1 of 1 clip can not be used: `song\.mp3`"):
        open_clips(tmp_path, NANO, ClipChoice(leave_out=("unusable",)), seed=0, progress=SilentProgress())


def test_a_clip_is_held_against_those_that_are_kept(tmp_path):
    still = np.repeat(drift("china", 1), 50, axis=0)
    write_film(tmp_path / "a.mp4", still)
    write_film(tmp_path / "b.mp4", still, crf=24)
    choice = ClipChoice(leave_out=("near-duplicate",))
    dataset = open_clips(tmp_path, NANO, choice, seed=0, progress=SilentProgress())
    assert [clip.path.name for clip in dataset.clips] == ["a.mp4"]


def test_grain_is_no_motion_and_a_small_thing_that_moves_is():
    grain = np.random.default_rng(0).normal(0, 5, (40, 160, 256, 3))
    still = (drift("coffee", 1) + grain).clip(0, 255).astype(np.uint8)
    assert moving_share(small_frames(still)) < STILL_SHARE
    for index in range(40):
        still[index, 60:72, 100 + index : 112 + index] = 250
    assert moving_share(small_frames(still)) > STILL_SHARE


def test_windows_keep_to_one_side_of_a_cut(tmp_path):
    film = np.concatenate([drift("rocket", 60), drift("coffee", 50)])
    path = write_film(tmp_path / "two.mp4", film)
    clip = examine_clip(path, NANO, ClipChoice(sampling="all"), seed=0)
    assert clip.facts.cuts == (60,)
    assert clip.verdict().verdict == "doubtful"
    assert all(window.frames[-1] < 60 or window.frames[0] >= 60 for window in clip.windows)
    assert any(window.frames[0] >= 60 for window in clip.windows)


def test_a_flash_and_a_dropped_frame_are_no_cuts():
    film = drift("china", 40).copy()
    film[20] = 255
    film[30] = 0
    assert cuts(small_frames(film)) == ()


@pytest.mark.parametrize("name", ["rocket", "chelsea", "flower"])
def test_a_mark_is_seen_on_a_moving_picture(name):
    assert overlay(marked(drift(name, 48))).left > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_moving_picture_without_a_mark_has_none(name):
    assert overlay(drift(name, 48)) is None


def test_a_dark_sky_over_dark_ground_is_no_letterbox(tmp_path):
    night = drift("china", 50) // 2
    night[:, :30] = np.linspace(0, 40, 30, dtype=np.uint8)[None, :, None, None]
    night[:, -30:] = np.linspace(40, 0, 30, dtype=np.uint8)[None, :, None, None]
    assert "letterbox" not in findings(write_film(tmp_path / "night.mp4", night))


def test_frames_that_were_doubled_are_noticed_and_a_gifs_uneven_ticks_are_not(tmp_path):
    doubled = findings(write_film(tmp_path / "doubled.mp4", np.repeat(drift("china", 25), 2, axis=0)))
    assert "25 of 50 frames repeat the one before: it shows about 12" in doubled["frame-rate"].reason
    assert findings(write_clip(drift("china", 20), tmp_path / "ticks.gif", fps=8).path) == {}


def test_a_folder_of_frames_states_its_rate_beside_or_inside_them(tmp_path):
    frames = drift("china", 50, width=128, height=80)
    plain = tmp_path / "plain"
    plain.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(plain / f"{index:03d}.png")
    unstated = findings(plain)["frame-rate"]
    assert unstated.reason == "no frame rate is stated, 8 frames per second are taken"
    (plain / "clip.toml").write_text("fps = 24\n")
    assert findings(plain) == {}
    assert examine_clip(plain, NANO, ClipChoice(), seed=0).seconds == pytest.approx(50 / 24)
    (plain / "clip.toml").write_text('fps = "fast"\n')
    assert "fps is `fast`, expected more than 0" in findings(plain)["no-clip"].reason
    assert findings(write_clip(frames, tmp_path / "inside", fps=24).path) == {}


def test_a_smart_crop_goes_where_most_moves(tmp_path):
    film = np.full((20, 80, 300, 3), 90, dtype=np.uint8)
    for index in range(20):
        film[index, 10 + index : 30 + index, 250:280] = 220
    path = write_clip(film, tmp_path / "wide.apng", fps=8).path
    (smart,) = {window.crop for window in examine_clip(path, NANO, ClipChoice(crop="smart"), seed=0).windows}
    (middle,) = {window.crop for window in examine_clip(path, NANO, ClipChoice(), seed=0).windows}
    assert middle.left + middle.width < 250
    assert smart.left <= 250
    assert smart.left + smart.width >= 280
    assert busiest_place(np.zeros((4, 20, 80, 3), dtype=np.uint8), 1.6) == 0.5


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp"])
def test_an_animated_picture_that_was_cut_off_is_corrupt_wherever_that_was(tmp_path, suffix):
    path = write_clip(drift("china", 24, width=32, height=20), tmp_path / f"clip{suffix}", fps=8).path
    whole = path.read_bytes()
    assert "corrupt" not in findings(path)
    for share in (0.3, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert {*findings(path)} == {"corrupt"}, share


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 40), (300, 3)])
def test_a_clip_of_any_size_gets_a_verdict(tmp_path, width, height):
    film = np.random.default_rng(0).integers(0, 255, (16, height, width, 3), dtype=np.uint8)
    path = write_clip(film, tmp_path / "{odd} name.apng", fps=8).path
    clip = examine_clip(path, NANO, ClipChoice(), seed=0)
    assert "small" in {finding.kind for finding in clip.findings}
    assert twin_finding(clip, [clip]).remedy.endswith("keeps `{odd} name.apng`")


def test_a_changed_speed_is_said(tmp_path):
    write_film(tmp_path / "short.mp4", drift("china", 30))
    notes = Notes()
    open_clips(tmp_path, NANO, ClipChoice(speed="stride"), seed=0, progress=notes)
    assert notes.texts[-1] == (
        "`clips.speed=stride` changes speeds: 0.62 to 0.62 s of the clips are shown in 1.88 s, "
        "0.33 to 0.33 times as fast"
    )

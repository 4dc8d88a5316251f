from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mivactl.operations.photo_jobs import photo_jobs
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.jpg", "b.png", "b.jpg", "notes.txt", ".hidden.jpg"):
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outputs(*inputs: str, out: tuple[str, ...] = ()) -> list[list[str]]:
    jobs = photo_jobs(inputs, out, adapters=("fall", "wind"))
    return [[str(path) for path in job.outputs] for job in jobs]


def test_a_clip_is_named_after_its_photo_and_adapters(photos: Path):
    assert outputs("photos/a.jpg") == [["a-fall+wind.mp4"]]


def test_photos_of_one_name_get_different_clips(photos: Path):
    assert outputs("photos") == [["a-fall+wind.mp4"], ["b-fall+wind.mp4"], ["b-2-fall+wind.mp4"]]
    assert outputs("photos/*.jpg", "photos/a.jpg") == [["a-fall+wind.mp4"], ["b-fall+wind.mp4"]]


def test_an_output_is_a_file_a_folder_to_fill_or_a_folder_of_frames(photos: Path):
    assert outputs("photos/a.jpg", out=("x.gif", "clips/", "frames", "photos")) == [
        ["x.gif", "clips/a-fall+wind.mp4", "frames", "photos/a-fall+wind.mp4"]
    ]
    assert outputs("photos/a.jpg", "photos/b.png", out=("clips",)) == [
        ["clips/a-fall+wind.mp4"],
        ["clips/b-fall+wind.mp4"],
    ]


def test_a_folder_of_frames_is_written_again(photos: Path):
    (photos / "frames").mkdir()
    (photos / "frames" / "frame-0000.png").write_bytes(b"x")
    assert outputs("photos/a.jpg", out=("frames",)) == [["frames"]]


def test_what_can_not_be_meant_is_refused(photos: Path):
    with pytest.raises(UsageProblem, match="one file for several photos"):
        outputs("photos", out=("x.mp4",))
    with pytest.raises(UsageProblem, match="no suffix of a clip"):
        outputs("photos/a.jpg", out=("x.avi",))
    with pytest.raises(NotFound, match="no file matches"):
        outputs("photos/*.tif")


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(photos: Path):
    (photos / "a[1].jpg").write_bytes(b"x")
    assert outputs("a[1].jpg") == [["a[1]-fall+wind.mp4"]]

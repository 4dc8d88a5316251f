"""`mask` and `weights`: what they write, what they say, and what they refuse."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.masks.published_models import SEGMENTER
from mivactl.operations.weights import fetch_weights, segmenter_folder
from registry_schema.digests import Digest
from registry_schema.errors import Incomplete, IntegrityProblem
from registry_schema.hub_names import Revision
from tests.engine.masks.tiny_segmenter import write_segmenter
from tests.fake_hub import FakeHub, files_below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.masks.published_models import PublishedModel
    from tests.mivactl.world import World

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.full((64, 96, 3), 120, dtype=np.uint8)
    pixels[20:44, 30:66] = (200, 30, 40)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, models = tmp_path_factory.mktemp("hub"), write_segmenter(tmp_path_factory.mktemp("segmenter"))
    for model in SEGMENTER:
        shutil.copytree(models / model.part, root / model.repository)
        (root / model.repository / "pytorch_model.bin").write_bytes(b"pickle")
    return root


@pytest.fixture
def hub(repositories: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with FakeHub() as hub:
        hub.offer(repositories, COMMIT)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


def small_models(repositories: Path) -> tuple[PublishedModel, ...]:
    """What mivactl would name if the small models were the published ones."""
    return tuple(
        replace(model, revision=Revision(COMMIT), digest=Digest.of(path.read_bytes()), size_bytes=path.stat().st_size)
        for model in SEGMENTER
        for path in [repositories / model.repository / "model.safetensors"]
    )


def test_a_box_makes_a_mask_and_a_preview(world: World, photo: Path):
    said = world.ok("mask", photo, "--box", "24,14,48,36", "--preview", "--json").data["mask"]
    assert said["output"] == str(photo.with_name("photo-mask.png"))
    with Image.open(said["output"]) as image:
        mask = np.array(image)
    assert (mask[22:42, 32:64] > 200).all()
    assert (mask[:12] == 0).all()
    assert photo.with_name("photo-mask-preview.jpg").exists()
    assert said["confident"]
    assert said["share"] == pytest.approx(24 * 36 / (64 * 96), abs=0.02)
    again = world.mivactl("mask", photo, "--box", "24,14,48,36")
    assert again.exit_code == 8
    assert "--force" in again.err
    world.ok("mask", photo, "--box", "24,14,48,36", "--force")


def test_a_mask_of_ones_own_is_checked_and_brought_to_the_photo(world: World, photo: Path, tmp_path: Path):
    small = np.zeros((32, 48), dtype=np.uint8)
    small[10:22, 15:33] = 255
    Image.fromarray(255 - small).save(tmp_path / "own.png")
    said = world.ok("mask", photo, "--from", tmp_path / "own.png", "-o", tmp_path / "mask.png")
    assert "own.png` has 48x32 pixels, the photo 96x64: it was resized" in said.err
    assert "seems to be inverted" in said.err
    turned = world.ok("mask", photo, "--from", tmp_path / "own.png", "--invert", "-o", tmp_path / "turned.png")
    assert "inverted" not in turned.err
    with Image.open(tmp_path / "turned.png") as image:
        assert image.size == (96, 64)
        assert image.getpixel((48, 32)) == 255


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message", "hint"),
    [
        ((), 3, "nobody said what to look for", "--for"),
        (
            ("--phrase", "dog"),
            3,
            "to find dog in a picture takes the weights of a segmenter",
            "weights fetch segmenter",
        ),
        (("--box", "1,2,3"), 2, "`--box 1,2,3` is not `left,top,width,height` in pixels", "--box 200,120,240,160"),
        (("--point", "500,5"), 2, "lies outside of the picture, which has 96x64 pixels", "--point 48,32"),
        (("--for", "my/waterfal"), 3, "no adapter `my/waterfal`", "did you mean"),
        (("--box", "24,14,48,36", "-o", "mask.jpg"), 2, "`mask.jpg` is no PNG, masks are", "-o mask.png"),
    ],
)
def test_what_goes_wrong_has_a_way_out(
    world: World, photo: Path, arguments: tuple[str, ...], exit_code: int, message: str, hint: str
):
    world.publish()
    said = world.mivactl("mask", photo, *arguments)
    assert said.exit_code == exit_code, said.err
    assert message in said.err
    assert hint in said.err.partition("hint: ")[2]


def test_missing_weights_offline_are_said_to_be_missing(world: World):
    said = world.mivactl("weights", "fetch", "segmenter", "--offline")
    assert said.exit_code == 6
    assert (
        "the weights of `segmenter` are fetched from the Hugging Face Hub, and the network is switched off" in said.err
    )
    assert "--box left,top,width,height" in said.err
    assert "`mivactl weights fetch segmenter`" in world.ok("weights", "list").out
    assert world.mivactl("weights", "fetch", "segmentr").exit_code == 3
    assert world.mivactl("weights", "remove", "segmenter").exit_code == 3


def test_the_segmenter_is_fetched_used_and_removed(world: World, hub: FakeHub, repositories: Path, photo: Path):
    done = fetch_weights("segmenter", world.session(), models=small_models(repositories))
    assert done.is_new
    assert done.folder == segmenter_folder(world.session()) == world.home / "weights" / "segmenter"
    assert sorted(path for path in files_below(done.folder) if path.endswith(("safetensors", "config.json"))) == [
        "cutter/config.json",
        "cutter/model.safetensors",
        "detector/config.json",
        "detector/model.safetensors",
        "detector/tokenizer_config.json",
    ]
    assert not hub.asked(r"\.bin$")
    assert not fetch_weights("segmenter", world.session()).is_new
    found = world.ok("mask", photo, "--phrase", "bird", "--json").data["mask"]
    assert found["source"] == "GroundingDINO and SAM 2"
    world.ok("weights", "remove", "segmenter")
    assert segmenter_folder(world.session()) is None


def test_another_file_than_the_pinned_one_is_refused(world: World, hub: FakeHub):
    models = tuple(replace(model, revision=Revision(COMMIT)) for model in SEGMENTER)
    with pytest.raises(IntegrityProblem, match=r"the Hub announces `sha256:.*` for `model.safetensors`") as problem:
        fetch_weights("segmenter", world.session(), models=models)
    assert "HF_ENDPOINT" in str(problem.value.hint)
    assert not [path for path in files_below(world.home) if "weights" in path.split("/")[0]]


def test_a_torn_download_goes_on_where_it_stopped(world: World, hub: FakeHub, repositories: Path):
    hub.faults.short_after = 100_000
    with pytest.raises(Incomplete, match=r"the download of `model.safetensors`"):
        fetch_weights("segmenter", world.session(), models=small_models(repositories))
    assert [path for path in files_below(world.home) if path.startswith("incoming-weights/") and path.endswith(".part")]
    assert segmenter_folder(world.session()) is None
    fetch_weights("segmenter", world.session(), models=small_models(repositories))
    assert "bytes=100000-" in [asked.range for asked in hub.requests]
    assert not (world.home / "incoming-weights").exists()

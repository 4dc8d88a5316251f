"""Presets with masked builds: `compose --masked`, its grid with masks, and what `animate --preset` makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.animation.clip_files import read_receipt
from engine.animation.comparison import CELL_SCALE, GAP
from engine.api import compare, load_studio, render
from engine.progress import SilentProgress
from engine.requests import AnimateRequest, CompareRequest, StudioRequest
from engine.run_settings import RunChoices, settle
from engine.video.clip_reader import read_clip
from mivactl.cli.app import run
from mivactl.cli.composition_options import references
from mivactl.operations.composition import Wanted, install_composed
from mivactl.operations.masking import preset_masking
from mivactl.session import Session
from mivactl.settings import load_settings
from registry_schema.preset import Preset
from registry_schema.ref import AdapterRef
from tests.end_to_end.masked_world import MASK, masked_world, write_cut_out
from tests.end_to_end.tiny_world import HEIGHT, WIDTH, TinyWorld, write_adapter_draft

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIR = ("my/bird:0.5", "my/wave:0.5")
CELL = CELL_SCALE * WIDTH


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    world = masked_world(tmp_path_factory.mktemp("presets"))
    write_cut_out(world.folder / "own.png")
    Image.new("L", (200, 130), 255).save(world.folder / "everything.png")
    return world


@pytest.fixture
def builds(said) -> dict[tuple[str, bool], str]:
    """Digests of what is installed, by name and whether it is masked."""
    return {(build["name"], build["masked"]): build["digest"] for build in said("list")[1]["adapters"]}


def digests(preset: Path) -> list[str]:
    return [str(adapter.digest) for adapter in Preset.parse(preset.read_bytes()).adapters]


def cells(grid: Path) -> list[NDArray[np.uint8]]:
    """The clips of a grid, without their labels."""
    frames = read_clip(grid).frames[:, -CELL_SCALE * HEIGHT :]
    return [frames[:, :, left : left + CELL] for left in range(0, frames.shape[2], CELL + GAP)]


def test_masked_builds_are_taken_where_an_adapter_has_one(world, said, builds):
    plain, masked = builds["my/bird", False], builds["my/bird", True]
    wave = builds["my/wave", False]
    code, data, _ = said("compose", *PAIR, "-o", "plain.toml")
    assert (code, data["masked"], data["notes"]) == (0, [], [])
    assert digests(world.folder / "plain.toml") == [plain, wave]
    code, data, _ = said("compose", *PAIR, "-o", "masked.toml", "--masked")
    assert (code, data["masked"], data["notes"]) == (0, ["my/bird"], ["`my/wave` has no masked build here"])
    assert digests(world.folder / "masked.toml") == [masked, wave]
    assert {one["kind"] for one in data["cosines"]} == {"self", "cross", "temporal"}


def test_a_preset_of_masked_builds_animates_what_the_adapters_themselves_do(world, said):
    assert said("compose", *PAIR, "-o", "storm.toml", "--masked")[0] == 0
    use = ("--use", "my/bird:0.5", "--use", "my/wave:0.5")
    for photo, options in (("own.png", ()), ("photo.png", MASK)):
        assert said("animate", photo, *use, *options, "-o", "alone.mp4")[0] == 0
        assert said("animate", photo, "--preset", "storm.toml", *options, "-o", "kept.mp4")[0] == 0
        alone, kept = (read_receipt(world.folder / name) for name in ("alone.mp4", "kept.mp4"))
        assert len(kept.settings.masks.given) == 1
        assert (kept.output.frames, kept.adapters) == (alone.output.frames, alone.adapters)
    code, _, error = said("animate", "photo.png", "--preset", "storm.toml", "-o", "kept.mp4")
    assert code == 2
    assert "`my/bird` is a masked adapter, and nothing says where its subject is in `photo.png`" in error["message"]
    assert error["hint"] == (
        "pass `--mask my/bird=mask.png`, or write a preset of its plain build with `mivactl compose`"
    )


@pytest.mark.parametrize("file", ["mask.png", "everything.png"])
def test_each_cell_of_the_grid_is_the_clip_that_its_weights_make_with_the_mask(world, monkeypatch, file):
    monkeypatch.chdir(world.folder)
    session = Session(load_settings({"MIVACTL_HOME": str(world.home)}))
    photo, bird = Path("photo.png"), AdapterRef.parse("my/bird").name
    wanted = Wanted(refs=references([*PAIR]))
    masking = preset_masking(wanted, session, photo=photo, given={bird}, masked=False)
    uses = install_composed(masking.composed, session, yes=False, progress=SilentProgress())
    studio = load_studio(StudioRequest(base=world.base_folder, adapters=uses, verdicts=session.store.layout.verdicts))
    settings = settle(RunChoices(), world.base, [use.spec for use in uses])
    grid, masks = ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)), {str(bird): Path(file)}
    compare(studio, CompareRequest(settings=settings, photo=photo, grid=grid, output=Path("grid.apng"), masks=masks))
    for weights, cell in zip(grid, cells(world.folder / "grid.apng"), strict=True):
        needed = masks if weights[0] else {}
        request = AnimateRequest(photo=photo, settings=settings, outputs=(), tools={}, masks=needed)
        alone = render(studio.at(weights), request).generated.clip.frames
        assert np.array_equal(cell[:, ::CELL_SCALE, ::CELL_SCALE], alone)


def test_the_grid_is_of_masked_builds_with_the_mask_that_is_given(world, said, builds):
    code, data, _ = said("compose", *PAIR, "-o", "given.toml", "--photo", "photo.png", *MASK)
    assert (code, data["masked"], data["grid"]) == (0, ["my/bird"], "given.mp4")
    assert digests(world.folder / "given.toml") == [builds["my/bird", True], builds["my/wave", False]]
    assert len(cells(world.folder / "given.mp4")) == 5


def test_the_grid_looks_for_subjects_as_animate_does(world, said):
    code, data, _ = said("compose", *PAIR, "-o", "seen.toml", "--masked", "--photo", "own.png")
    assert (code, data["masked"]) == (0, ["my/bird"])
    assert any("found by the photo's transparency, confidence 1.00" in note for note in data["notes"])
    assert len(cells(world.folder / "seen.mp4")) == 5


def test_a_digest_of_a_masked_build_has_its_mask_in_the_grid_too(world, said, builds):
    bird = f"my/bird@{builds['my/bird', True]}"
    code, data, _ = said("compose", bird, "my/wave", "-o", "exact.toml", "--photo", "own.png")
    assert (code, data["masked"]) == (0, ["my/bird"])
    assert any("found by the photo's transparency" in note for note in data["notes"])
    assert said("compose", bird, "my/wave", "-o", "exact2.toml", "--photo", "photo.png")[0] == 2


def test_an_adapter_with_masked_builds_alone_wants_the_word(world, said):
    draft = write_adapter_draft(world.folder / "draft-fish", world.base_folder, "my/fish", seed=5, masked=True)
    assert run(["publish", str(draft), "--quiet"]) == 0
    assert run(["install", "my/fish", "--masked", "--quiet"]) == 0
    code, _, error = said("compose", "my/fish", "my/wave", "-o", "fish.toml")
    assert (code, error["hint"].partition(";")[0]) == (4, "add `--masked`")
    assert said("compose", "my/fish", "my/wave", "-o", "fish.toml", "--masked")[1]["masked"] == ["my/fish"]


def test_a_lock_with_the_plain_build_is_named(world, said, monkeypatch):
    project = world.folder / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    assert said("lock", "my/bird")[0] == 0
    code, _, error = said("compose", "my/bird", "-o", "locked.toml", "--masked")
    assert (code, error["message"]) == (
        4,
        "`--masked` has nothing to take: miva.lock names the plain build of `my/bird`",
    )
    assert said("lock", "my/bird", "--masked")[0] == 0
    assert said("compose", "my/bird", "-o", "locked.toml")[1]["masked"] == ["my/bird"]


PHOTO = ("--photo", "photo.png")
REFUSALS = {
    "no masked build": (("my/wave", "--masked"), 4, "`my/wave` has no masked build here", "leave out `--masked`"),
    "plain adapter": (
        (*PAIR, *PHOTO, "--mask", "my/wave=mask.png"),
        4,
        "`my/wave` has no masked build here, and was given a mask",
        "leave out `--mask my/wave=...`",
    ),
    "not in it": (
        (*PAIR, *PHOTO, "--mask", "my/horse=mask.png"),
        2,
        "`--mask` names `my/horse`, which is not among `my/bird`, `my/wave`",
        "add `my/horse`",
    ),
    "no photo": ((*PAIR, *MASK), 2, "`--mask` was given without `--photo`", "add `--photo FILE`"),
    "no subject": (
        (*PAIR, *PHOTO, "--masked"),
        2,
        "nothing says where its subject is in `photo.png`",
        "pass `--mask my/bird=mask.png`, or leave out `--photo`",
    ),
    "no file": ((*PAIR, *PHOTO, "--mask", "my/bird=gone.png"), 3, "`gone.png` does not exist", ""),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_can_not_be_composed_is_one_clear_error_and_no_file(world, said, case):
    arguments, expected, message, hint = REFUSALS[case]
    code, _, error = said("compose", *arguments, "-o", "refused.toml")
    assert code == expected
    assert message in error["message"]
    assert hint in (error["hint"] or "")
    assert not [*world.folder.glob("refused.*")]


def test_a_person_is_told_which_adapters_want_a_subject(world, monkeypatch, capsys):
    monkeypatch.setenv("MIVACTL_HOME", str(world.home))
    monkeypatch.chdir(world.folder)
    assert run(["compose", *PAIR, "-o", "told.toml", "--masked"]) == 0
    told = capsys.readouterr().err
    assert "`my/wave` has no masked build here" in told
    assert "my/bird is masked: a photo must show its subject, or `--mask my/bird=FILE` says where it is" in told

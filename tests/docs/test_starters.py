"""The command that makes the starters: the model card, and a registry that takes the place of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import ModelCard

from docs.model_card import LIMITS, model_card
from docs.starter_registry import replaced
from docs.starters import Starter, StarterFailed, Workshop, make_all
from engine.pretraining.starter_recipes import STARTERS
from mivactl.operations.publish import publish
from mivactl.registry.directory import DirectoryRegistry, create_directory_registry
from mivactl.registry.registry import STARTER
from tests.mivactl.previews import add_preview
from tests.mivactl.world import World, write_draft

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, capsys, monkeypatch)


def starter_draft(folder: Path, name: str = "waterfall") -> Path:
    draft = write_draft(folder, f"miva/{name}", tags=["water", "starter"])
    add_preview(draft)
    return draft


def test_the_front_matter_of_a_card_is_what_the_hub_reads(tmp_path: Path):
    card = ModelCard(model_card(starter_draft(tmp_path / "draft")))
    facts = card.data.to_dict()
    assert facts["library_name"] == "mivactl"
    assert facts["pipeline_tag"] == "image-to-video"
    assert facts["base_model"] == "nano"
    assert facts["license"] == "apache-2.0"
    assert facts["tags"] == ["miva", "motion-adapter", "waterfall", "water", "starter"]
    assert facts["widget"][0]["output"]["url"] == "preview.webp"


def test_a_card_says_how_to_use_it_how_it_was_trained_and_what_it_can_not_do(tmp_path: Path):
    text = model_card(starter_draft(tmp_path / "draft"))
    assert "mivactl animate photo.jpg --use waterfall\n" in text
    assert "8 clips of the motion" in text
    assert LIMITS["waterfall"] in text
    assert "![Falling water](preview.webp)" in text


def test_every_starter_says_what_it_can_not_do():
    assert set(LIMITS) == set(STARTERS)


def published(world: World, registry: Path, draft: Path) -> None:
    publish(draft, world.session(), to=str(registry))


def files_of(registry: Path) -> set[str]:
    """What belongs to a registry; locks do not."""
    files = (path.relative_to(registry) for path in registry.rglob("*") if path.is_file())
    return {str(path) for path in files if not path.parts[0].startswith(".lock")}


def test_what_is_replaced_leaves_nothing_behind_and_what_is_not_stays(world: World):
    registry = world.folder / "starter"
    create_directory_registry(STARTER, registry)
    published(world, registry, starter_draft(world.folder / "clouds", "clouds"))
    kept = files_of(registry)
    published(world, registry, starter_draft(world.folder / "old"))
    with replaced(registry, without=["waterfall"]) as fresh:
        assert files_of(fresh) == kept
        draft = starter_draft(world.folder / "new")
        (draft / "README.md").write_text("# other words\n")
        published(world, fresh, draft)
    found = DirectoryRegistry(STARTER, registry)
    assert found.names() == ("miva/clouds", "miva/waterfall")
    (line,) = found.lines(found.names()[1])
    readme = next(entry for entry in found.manifest(line).files if entry.kind == "readme")
    assert found.blob_path(readme.digest).read_text() == "# other words\n"
    assert sorted(path.name for path in registry.iterdir()) == [
        "blobs",
        "catalog.jsonl",
        "config.json",
        "index",
        "manifests",
    ]
    assert not list(world.folder.glob("starter.*"))


def test_a_replacement_that_fails_changes_nothing(world: World):
    registry = world.folder / "starter"
    create_directory_registry(STARTER, registry)
    published(world, registry, starter_draft(world.folder / "draft"))
    before = files_of(registry)
    with pytest.raises(RuntimeError), replaced(registry, without=["waterfall"]):
        raise RuntimeError
    assert files_of(registry) == before


def test_a_registry_that_is_not_there_yet_is_made(world: World):
    registry = world.folder / "starter"
    with replaced(registry, without=STARTERS) as fresh:
        published(world, fresh, starter_draft(world.folder / "draft"))
    assert DirectoryRegistry(STARTER, registry).config().name == STARTER


def test_what_is_made_already_is_taken_as_it_is_and_described_anew(tmp_path: Path):
    starter = Starter("waterfall", tmp_path, rehearsal=False, workshop=Workshop(1))
    starter_draft(starter.draft)
    starter.run("engine.pretraining.preview_picture", "waterfall", "--to", starter.draft / "preview.png")
    weights = (starter.draft / "adapter.safetensors").read_bytes()
    clip = (starter.draft / "preview.webp").read_bytes()
    starter.make()
    assert (starter.draft / "adapter.safetensors").read_bytes() == weights
    assert (starter.draft / "preview.webp").read_bytes() == clip
    assert not {"clips", "registry"} & {path.name for path in starter.folder.iterdir()}
    assert "# Waterfall\n" in (starter.draft / "README.md").read_text()


def test_another_recipe_is_made_in_another_folder(tmp_path: Path):
    starters = [Starter("waterfall", tmp_path, rehearsal=few, workshop=Workshop(1)) for few in (False, True)]
    assert starters[0].folder != starters[1].folder


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path: Path):
    with pytest.raises(StarterFailed, match="`mivactl info miva/nothing` ended with 3: error: no adapter"):
        Workshop(1).run("nothing", tmp_path, "mivactl", "info", "miva/nothing")


@dataclass(frozen=True)
class Made:
    name: str
    error: Exception | None = None

    def make(self) -> None:
        if self.error:
            raise self.error


def test_a_starter_that_fails_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]):
    starters = [Made("one", StarterFailed("no disk")), Made("two"), Made("three")]
    assert make_all(starters, Workshop(3), jobs=1) == ["one"]
    said = capsys.readouterr().err
    assert "one: StarterFailed: no disk" in said
    assert "three: made; 2 of 3" in said

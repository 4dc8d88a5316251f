"""Publishing on the Hub: what lies in a repository afterwards, and who wins. On the fake Hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from mivactl.crash_point import VARIABLE
from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.hub_card import card_of, line_in
from mivactl.registry.hub_repository import HubRepository
from registry_schema.catalog import catalog_line
from registry_schema.index import IndexLine
from registry_schema.names import AdapterName
from tests.fake_hub import TOKEN
from tests.mivactl.registries.conftest import UPLOADS
from tests.mivactl.world import World, masked_spec, tensors, write_draft
from tests.registry_schema.samples import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_hub import FakeHub, Repository

pytestmark = UPLOADS
NAME = AdapterName("acme/waterfall")
REPOSITORY = "acme/miva-waterfall"


@pytest.fixture
def repository(world: World, fake_hub: FakeHub) -> Repository:
    """That of one adapter of `acme`, registered as `studio`."""
    world.ok("publish", draft(world, "1.0.0"), "--to", "hf://acme")
    world.ok("registry", "add", "studio", "hf://acme")
    fake_hub.requests.clear()
    return fake_hub.repositories[REPOSITORY]


def draft(world: World, version: str, **changes) -> Path:
    name = "-".join((version, *changes))
    return write_draft(world.folder / "drafts" / name, NAME, version, **changes)


def metadata(files: dict[str, bytes]) -> dict[str, object]:
    return yaml.safe_load(files["README.md"].decode().split("---\n")[1])


def test_a_publication_is_one_commit_and_a_tag(world: World, fake_hub: FakeHub):
    folder = draft(world, "1.0.0")
    world.ok("publish", folder, "--to", "hf://acme")
    repository = fake_hub.repositories[REPOSITORY]
    assert len(repository.commits) == 2  # the Hub's own first one
    assert repository.tags == {"1.0.0--nano": repository.main}
    files = repository.files("main")
    assert sorted(files) == [
        ".gitattributes",
        "README.md",
        "adapter.safetensors",
        "miva.json",
        "miva.sig",
        "miva/README.md",
    ]
    assert files["adapter.safetensors"] == (folder / "adapter.safetensors").read_bytes()
    assert files["miva/README.md"] == (folder / "README.md").read_bytes()
    posted = [request.path for request in fake_hub.asked("POST|PUT")]
    assert [path.rpartition("/")[0].rpartition("/")[2] for path in posted[-2:]] == ["commit", "tag"]


def test_a_build_is_signed_in_its_commit_and_its_key_is_kept_for_the_namespace(world: World, fake_hub: FakeHub):
    world.ok("publish", draft(world, "1.0.0"))  # into one's own registry, which pins the key to the namespace
    world.ok("publish", draft(world, "1.1.0"), "--to", "hf://acme")
    world.ok("registry", "add", "studio", "hf://acme")
    (step,) = world.ok("install", "--json", "studio::acme/waterfall").data["adapters"]
    assert (step["version"], step["registry"]) == ("1.1.0", "studio")
    assert step["publisher"].startswith("ed25519:")
    assert "miva.sig" in fake_hub.repositories[REPOSITORY].files("main")
    assert world.ok("verify", "--json").data["unsigned"] == 0


def test_the_card_says_what_the_hub_and_a_search_read(world: World, repository: Repository):
    card = metadata(repository.files("main"))
    line = card.pop("miva")
    assert card == {
        "library_name": "mivactl",
        "pipeline_tag": "image-to-video",
        "base_model": "nano",
        "base_model_relation": "adapter",
        "license": "apache-2.0",
        "tags": ["miva", "motion-adapter", "water"],
    }
    assert (line["name"], line["title"]) == ("acme/waterfall", "Falling water")
    assert line["builds"][0]["version"] == "1.0.0"


def test_what_a_publisher_wrote_in_a_card_stays(world: World, fake_hub: FakeHub):
    folder = draft(world, "1.0.0", licence="GPL-3.0-only")
    written = "---\nlanguage: en\ntags: [rivers]\nlibrary_name: other\n---\n# Falls\n\nIt falls: --- and foams.\n"
    (folder / "README.md").write_text(written)
    world.ok("publish", folder, "--to", "hf://acme")
    world.ok("yank", "acme/waterfall@==1.0.0", "--registry", "hf://acme")
    files = fake_hub.repositories[REPOSITORY].files("main")
    card = metadata(files)
    assert files["miva/README.md"].decode() == written
    assert files["README.md"].decode().endswith("---\n\n# Falls\n\nIt falls: --- and foams.\n")
    assert card["tags"] == ["miva", "motion-adapter", "water", "rivers"]
    assert (card["language"], card["library_name"]) == ("en", "mivactl")
    assert (card["license"], card["license_name"]) == ("other", "GPL-3.0-only")
    assert "builds" not in card["miva"] or not card["miva"]["builds"]


@pytest.mark.parametrize(
    "readme", [b"", b"---\n: [\n---\nbroken", b"---\n- a list\n---\n", b"\xff\xfe", b"---\n1: 2\n---\n"]
)
def test_any_readme_makes_a_card_that_reads_back(readme: bytes):
    described = manifest()
    line = catalog_line([IndexLine.for_manifest(described, published=described.created)], described)
    card = card_of(readme, line, described)
    again = card_of(card, line, described)
    assert again == card
    assert line_in(yaml.safe_load(card.decode().split("---\n")[1]), source="card") == line


def test_builds_of_one_release_share_a_repository_and_leave_no_files_of_each_other(
    world: World, repository: Repository
):
    first = draft(world, "1.1.0", weights=tensors(1))
    (first / "LICENSE").write_text("as you like\n")
    world.ok("publish", first, "--to", "studio")
    head = dict(repository.files("main"))
    head["notes.txt"] = b"put here by hand"
    repository.commit(head)
    world.ok("publish", draft(world, "1.1.0", spec=masked_spec(), weights=tensors(2)), "--to", "studio")
    assert sorted(repository.tags) == ["1.0.0--nano", "1.1.0--nano", "1.1.0--nano-masked"]
    assert "LICENSE" in repository.files("1.1.0--nano")
    assert "LICENSE" not in repository.files("main")
    assert repository.files("main")["notes.txt"] == b"put here by hand"
    assert {build["masked"] for build in metadata(repository.files("main"))["miva"]["builds"]} == {True, False}


def test_a_status_is_one_commit_that_no_build_is_made_of(world: World, repository: Repository):
    commits = len(repository.commits)
    world.ok("yank", "acme/waterfall@==1.0.0", "--registry", "studio", "--reason", "moves the sky")
    world.ok("yank", "acme/waterfall@==1.0.0", "--registry", "studio", "--reason", "moves the sky")
    assert len(repository.commits) == commits + 1
    assert json.loads(repository.files("main")["miva-status.json"]) == {
        "schema": "miva.hub-status/1",
        "builds": [{"tag": "1.0.0--nano", "status": "yanked", "note": "moves the sky"}],
    }
    assert "miva-status.json" not in repository.files("1.0.0--nano")
    world.ok("publish", draft(world, "1.1.0"), "--to", "studio")
    assert [line.status for line in world.session().registry("studio").lines(NAME)] == ["yanked", "active"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my/waterfall", "`hf://acme` takes adapters of `acme` only"),
        ("miva/waterfall", "which is kept for the adapters mivactl brings"),
    ],
)
def test_an_owner_has_one_namespace(world: World, fake_hub: FakeHub, name: str, message: str):
    said = world.mivactl("publish", write_draft(world.folder / "draft", name), "--to", "hf://acme")
    assert said.exit_code == 9
    assert message in said.err
    assert fake_hub.asked("POST") == []


def test_who_may_not_write_is_told_so(world: World, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_somebody_else")
    said = world.mivactl("publish", draft(world, "1.0.0"), "--to", "hf://acme")
    assert said.exit_code == 7
    assert "the Hub does not let you make `acme/miva-waterfall` (HTTP 401)" in said.err
    assert "hint: run `hf auth login`" in said.err
    assert "hf_somebody_else" not in said.err
    assert fake_hub.repositories == {}


def test_a_publication_killed_before_its_tag_is_finished_by_the_same_files_alone(world: World, repository: Repository):
    folder = draft(world, "1.1.0")
    killed = world.in_new_process("publish", folder, "--to", "hf://acme", **{VARIABLE: "hub.committed"})
    assert killed.returncode == 137, killed.stderr
    commits = len(repository.commits)
    assert [line.key.tag for line in world.session().registry("studio").lines(NAME)] == ["1.0.0--nano"]
    said = world.mivactl("publish", draft(world, "1.1.0", weights=tensors(9)), "--to", "studio")
    assert said.exit_code == 8
    assert "is in registry `studio` already, with other content" in said.err
    assert world.ok("publish", "--json", folder, "--to", "studio").data["publication"]["is_new"]
    assert repository.tags["1.1.0--nano"] == repository.main
    assert len(repository.commits) == commits
    assert "acme/waterfall 1.1.0" in world.ok("install", "acme/waterfall").out
    assert not world.ok("publish", "--json", folder, "--to", "studio").data["publication"]["is_new"]


def test_who_comes_second_with_a_tag_or_a_commit_is_told(world: World, repository: Repository):
    hub = HubRepository(REPOSITORY)
    with pytest.raises(SourceChanged):
        hub.tag("1.0.0--nano", repository.main, message="again")
    first = next(iter(repository.commits))
    with pytest.raises(SourceChanged):
        hub.commit({"miva.json": b"{}"}, frozenset(), message="late", parent=first)
    assert len(repository.commits) == 2


def test_whoever_is_overtaken_decides_again(world: World, repository: Repository, monkeypatch: pytest.MonkeyPatch):
    """Between reading and writing somebody withdraws a build, then another build is published: both stay."""
    commit = HubRepository.commit
    others = iter([("yank", "acme/waterfall@==1.0.0", "--registry", "hf://acme")])

    def overtaken(self, *arguments, **named):
        for other in others:
            world.ok(*other)
        return commit(self, *arguments, **named)

    monkeypatch.setattr(HubRepository, "commit", overtaken)
    world.ok("publish", draft(world, "1.1.0"), "--to", "studio")
    lines = world.session().registry("studio").lines(NAME)
    assert {line.key.tag: line.status for line in lines} == {"1.0.0--nano": "yanked", "1.1.0--nano": "active"}
    assert [build["version"] for build in metadata(repository.files("main"))["miva"]["builds"]] == ["1.1.0"]


def test_nothing_is_told_about_who_runs_it(world: World, repository: Repository, fake_hub: FakeHub):
    world.ok("publish", draft(world, "1.1.0"), "--to", "studio")
    world.ok("search")
    assert fake_hub.asked("agent|telemetry") == []
    assert {request.authorization for request in fake_hub.requests} <= {f"Bearer {TOKEN}", ""}
    assert {request.method for request in fake_hub.requests if not request.authorization} == {"PUT"}

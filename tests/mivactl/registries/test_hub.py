"""Adapters on the Hub: how few questions are asked, what is remembered, and what is not believed. On the fake Hub."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from mivactl.content import Content
from mivactl.registry import hub_catalog
from mivactl.registry.hub_place import HubPlace
from registry_schema.errors import NetworkProblem, UsageProblem
from registry_schema.names import AdapterName
from tests.fake_hub import TOKEN, FakeHub, Repository
from tests.mivactl.registries.conftest import UPLOADS
from tests.mivactl.world import World, tensors, write_draft

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = UPLOADS
NAME = AdapterName("acme/waterfall")
REPOSITORY = "acme/miva-waterfall"
KNOWN = "known-repositories"


@pytest.fixture
def hub(world: World, fake_hub: FakeHub) -> FakeHub:
    """The Hub with one adapter of `acme`, registered as `studio`."""
    world.ok("publish", write_draft(world.folder / "first", NAME, "1.0.0"), "--to", "hf://acme")
    world.ok("registry", "add", "studio", "hf://acme")
    fake_hub.requests.clear()
    return fake_hub


def recreated(hub: FakeHub) -> None:
    """Somebody else has the name now, and the same files under the same tags."""
    old = hub.repositories[REPOSITORY]
    new = hub.repositories[REPOSITORY] = Repository()
    new.tags = {tag: new.commit(old.commits[commit]) for tag, commit in old.tags.items()}


def weights(world: World) -> tuple[object, Content]:
    registry = world.session().registry("studio")
    (line,) = registry.lines(NAME)
    entry = registry.manifest(line).weights
    return registry, Content(entry.digest, entry.size, "weights")


@pytest.mark.parametrize(
    ("owner", "namespace"),
    [("Acme", "acme"), ("Wan-AI", "wan-ai"), ("jane_doe.x", "jane-doe-x"), ("01-ai", "hf-01-ai")],
)
def test_a_namespace_is_the_owners_name_as_near_as_it_can_be(owner: str, namespace: str):
    place = HubPlace.parse(f"hf://{owner}")
    name = AdapterName(f"{namespace}/falls")
    assert place.namespace == namespace
    assert place.repository(name) == f"{owner}/miva-falls"
    assert place.adapter(f"{owner}/miva-falls") == name
    assert place.repository(AdapterName("other/falls")) is None
    assert [place.adapter(text) for text in ("other/miva-falls", f"{owner}/falls", f"{owner}/miva-Falls")] == 3 * [None]


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("hf://acme/miva-falls", "is not a registry on the Hub, expected `hf://OWNER`"),
        ("hf://", "is not a registry on the Hub"),
        ("hf://-acme", "is not a registry on the Hub"),
        ("hf://con", "holds the device name `con`"),
    ],
)
def test_what_is_no_owner_is_refused(address: str, complaint: str):
    with pytest.raises(UsageProblem, match=re.escape(complaint)):
        HubPlace.parse(address)


def test_a_second_look_asks_for_the_tags_alone(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    world.session().registry("studio").lines(NAME)
    assert [request.path for request in hub.requests] == [f"/api/models/{REPOSITORY}/refs"]
    another = world.folder / "another home"
    shutil.copytree(world.home / "bases", another / "bases")
    monkeypatch.setenv("MIVACTL_HOME", str(another))
    world.ok("publish", write_draft(world.folder / "next", NAME, "1.1.0"), "--to", "hf://acme")
    hub.requests.clear()
    assert len(world.session().registry("studio").lines(NAME)) == 2
    files = [request.path.rpartition("/")[2] for request in hub.asked("resolve")]
    assert sorted(files) == ["miva-status.json", "miva.json", "miva.sig"]  # of the new commit alone
    hub.requests.clear()
    world.session().registry("studio").lines(NAME)
    assert len(hub.requests) == 1


def test_a_damaged_cache_is_read_again(world: World, hub: FakeHub):
    kept = [path for path in (world.home / "cache" / "hub").iterdir() if b'"miva.manifest/1"' in path.read_bytes()]
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes().replace(b"Falling", b"Rising!"))
    (line,) = world.session().registry("studio").lines(NAME)
    assert world.session().registry("studio").manifest(line).title == "Falling water"
    assert len(hub.asked("resolve.*miva.json")) == 1


def test_the_list_is_asked_for_once_an_hour(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    world.ok("search")
    world.ok("search", "water")
    assert hub.asked("api/models$") == []
    now = time.time()
    monkeypatch.setattr("mivactl.registry.hub_catalog.time.time", lambda: now + 3601)
    world.ok("search")
    assert len(hub.asked("api/models$")) == 1


def test_what_is_published_while_the_list_is_asked_for_is_in_it(
    world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
):
    """The list was asked for before the adapter was there, and comes back after it was published."""
    world.ok("search")
    ask, waiting = hub_catalog._models, [write_draft(world.folder / "second", "acme/second", "1.0.0")]

    def slow(owner: str) -> list[dict[str, Any]]:
        found = list(ask(owner))
        if waiting:
            world.ok("publish", waiting.pop(), "--to", "studio")
        return found

    monkeypatch.setattr(hub_catalog, "_models", slow)
    now = time.time()
    monkeypatch.setattr("mivactl.registry.hub_catalog.time.time", lambda: now + 3601)
    assert "acme/second" in world.ok("search", "acme/").out
    assert len(hub.asked("api/models$")) == 2


def test_a_list_comes_in_pages_and_passes_over_what_is_broken(world: World, fake_hub: FakeHub):
    for number in range(3):
        draft = write_draft(world.folder / f"draft{number}", f"acme/motion{number}", "1.0.0")
        world.ok("publish", draft, "--to", "hf://acme")
    other = fake_hub.repositories["acme/miva-other"] = Repository()
    other.commit({"README.md": b"---\ntags: [miva]\nmiva: {v: 1, name: acme/other, title: ''}\n---\n"})
    liar = fake_hub.repositories["acme/miva-liar"] = Repository()
    liar.commit({"README.md": fake_hub.repositories["acme/miva-motion1"].files("main")["README.md"]})
    fake_hub.faults.page = 2
    shutil.rmtree(world.home / "cache")  # who publishes looks at the names that are there
    before = len(fake_hub.asked("api/models$"))
    world.ok("registry", "add", "studio", "hf://acme")
    said = world.ok("search", "acme/")
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == [f"acme/motion{number}" for number in range(3)]
    assert len(fake_hub.asked("api/models$")) == before + 3
    assert "card of `acme/miva-other`: title is empty" not in said.err  # said once, when the list was made


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_questions_are_a_warning_where_an_answer_is_known(world: World, hub: FakeHub, status: int):
    hub.faults.status = {"/refs": status}
    said = world.mivactl("info", "acme/waterfall")
    assert said.exit_code == (0 if status == 429 else 6), said.err
    if status == 429:
        assert "warning: the Hub was asked too often (HTTP 429 for `acme/miva-waterfall`); what was seen of" in said.err
    said = world.mivactl("info", "acme/volcano")
    assert said.exit_code == 6
    assert f"HTTP {status} for `acme/miva-volcano`" in said.err


def test_what_was_seen_before_is_not_good_enough_to_publish(world: World, hub: FakeHub):
    hub.faults.status = {"/refs": 429}
    said = world.mivactl("publish", write_draft(world.folder / "next", NAME, "1.1.0"), "--to", "studio")
    assert said.exit_code == 6
    assert hub.asked("POST") == []


def test_an_older_list_will_do_when_the_hub_answers_none(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    now = time.time()
    monkeypatch.setattr("mivactl.registry.hub_catalog.time.time", lambda: now + 7200)
    hub.faults.status = {"/api/models$": 429}
    said = world.ok("search", "acme/")
    assert "acme/waterfall" in said.out
    assert "warning: adapters of `hf://acme`: the Hub was asked too often" in said.err
    assert said.err.count("warning:") == 1
    assert len(hub.asked("api/models$")) == 1  # without waiting for it to change its mind


def test_offline_opens_no_socket_and_tells_not_cached_from_does_not_exist(world: World, hub: FakeHub):
    world.session().registry("studio").lines(NAME)
    hub.requests.clear()
    assert "Falling water" in world.ok("info", "--offline", "acme/waterfall").out
    assert "acme/waterfall" in world.ok("search", "--offline", "acme/").out
    world.ok("registry", "list", "--offline")
    unknown = world.mivactl("install", "--offline", "acme/volcano")
    assert unknown.exit_code == 6
    assert "`acme/miva-volcano` is not cached, and the network is switched off: whether `hf://acme`" in unknown.err
    elsewhere = world.mivactl("install", "--offline", "other/volcano")
    assert elsewhere.exit_code == 3
    assert "no adapter `other/volcano`" in elsewhere.err
    for command in (
        ("publish", write_draft(world.folder / "next", NAME, "1.1.0"), "--to", "studio"),
        ("yank", "acme/waterfall@==1.0.0", "--registry", "studio"),
        ("install", "acme/waterfall"),
    ):
        said = world.mivactl(*command, "--offline")
        assert said.exit_code == 6, said.err
        assert "the network is switched off" in said.err
    assert hub.requests == []


def test_a_repository_that_was_made_anew_is_refused_until_a_person_says_otherwise(world: World, hub: FakeHub):
    world.ok("install", "acme/waterfall")
    recreated(hub)
    for command in (("install", "acme/waterfall"), ("info", "acme/waterfall")):
        said = world.mivactl(*command)
        assert said.exit_code == 5
        assert "`acme/miva-waterfall`: this repository was recreated" in said.err
    said = world.mivactl("publish", write_draft(world.folder / "next", NAME, "1.1.0"), "--to", "studio")
    assert said.exit_code == 5
    (known,) = (world.home / KNOWN).rglob("*.json")
    assert str(known) in said.err
    known.unlink()
    world.ok("info", "acme/waterfall")


def test_a_repository_that_is_gone_is_not_left_to_another_registry(world: World, hub: FakeHub):
    other = world.folder / "other"
    world.ok("registry", "add", "other", other, "--create")
    world.ok("publish", write_draft(world.folder / "theirs", NAME, "9.0.0"), "--to", other)
    del hub.repositories[REPOSITORY]
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 5
    assert "was on the Hub before, and now it is gone or private" in said.err


def test_a_tag_that_was_moved_is_refused_even_when_it_was_away_for_a_while(world: World, hub: FakeHub):
    repository = hub.repositories[REPOSITORY]
    world.ok("publish", write_draft(world.folder / "next", NAME, "1.1.0"), "--to", "studio")
    commit = repository.tags.pop("1.0.0--nano")
    assert len(world.session().registry("studio").lines(NAME)) == 1
    files = dict(repository.commits[commit])
    files["miva.json"] = files["miva.json"].replace(b"Falling water", b"Raising water")
    repository.tags["1.0.0--nano"] = repository.commit(files)
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 5
    assert "tag `1.0.0--nano` holds a manifest with digest" in said.err


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda files: files.pop("miva.json"), "`miva.json` of `acme/miva-waterfall` at `2.0.0--nano` is missing"),
        (lambda _: None, "describes `acme/waterfall` 1.0.0--nano, expected `acme/waterfall` 2.0.0--nano"),
        (lambda files: files.update({"miva.json": b"{}" + b" " * 70_000}), "has more than 65536 bytes"),
        (lambda files: files.update({"miva.json": files["miva.json"] + b"\n"}), "is not in canonical form"),
    ],
    ids=["missing", "another", "large", "not canonical"],
)
def test_a_tag_has_to_hold_what_it_says(world: World, hub: FakeHub, change, complaint: str):
    repository = hub.repositories[REPOSITORY]
    files = dict(repository.files("main"))
    change(files)
    repository.tags["2.0.0--nano"] = repository.commit(files)
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 5
    assert complaint in said.err


def test_a_repository_with_tags_without_end_is_not_read(world: World, hub: FakeHub):
    repository = hub.repositories[REPOSITORY]
    repository.tags |= {f"1.0.{number}--nano": repository.main for number in range(2001)}
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 5
    assert "`acme/miva-waterfall` has 2001 builds, expected at most 2000" in said.err
    assert hub.asked("resolve") == []


@pytest.mark.parametrize("answer", [b"<html>sign in</html>", b"{}", b"[]"])
def test_a_sign_in_page_is_not_the_hub(world: World, hub: FakeHub, answer: bytes):
    hub.faults.instead = {"/refs": answer}
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 6
    assert "what answers for the Hugging Face Hub about `acme/miva-waterfall` is not the Hub" in said.err


def test_other_tags_and_manifests_of_a_later_mivactl_are_passed_over(world: World, hub: FakeHub):
    repository = hub.repositories[REPOSITORY]
    files = dict(repository.files("main"))
    files["miva.json"] = json.dumps({"schema": "miva.manifest/2", "colour": "blue"}).encode()
    repository.tags |= {"3.0.0--nano": repository.commit(files), "v1": repository.main, "paper": repository.main}
    assert [line.key.tag for line in world.session().registry("studio").lines(NAME)] == ["1.0.0--nano"]


def test_weights_that_were_changed_on_the_way_enter_no_store(world: World, hub: FakeHub):
    repository = hub.repositories[REPOSITORY]
    files = repository.commits[repository.tags["1.0.0--nano"]]
    files["adapter.safetensors"] = files["adapter.safetensors"][:-1] + b"!"
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 5
    assert world.session().store.installed() == ()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_is_read_from_the_middle_on_with_and_without_ranges(world: World, hub: FakeHub, ranges: bool):
    hub.faults.ranges = ranges
    registry, content = weights(world)
    whole = hub.repositories[REPOSITORY].files("main")["adapter.safetensors"]
    hub.requests.clear()
    with registry.open_file(content, offset_bytes=100) as file:
        assert file.read() == whole[100:]
        assert file.seek(0, os.SEEK_END) == len(whole)
        assert file.seek(7) == 7
        assert file.read(5) == whole[7:12]
    assert [request.range for request in hub.requests] == ["bytes=100-", "bytes=7-"]


def test_a_token_does_not_follow_to_another_host(world: World, hub: FakeHub):
    hub.faults.elsewhere = True
    registry, content = weights(world)
    with registry.open_file(content) as file:
        assert len(file.read()) == content.size_bytes
    (first,) = hub.asked("resolve.*safetensors")
    (second,) = hub.asked("elsewhere")
    assert first.authorization == f"Bearer {TOKEN}"
    assert second.host.startswith("localhost:")
    assert second.authorization == ""


def test_a_cut_and_an_encoding_are_said_plainly(world: World, hub: FakeHub):
    registry, content = weights(world)
    hub.faults.cut_after = 100
    with pytest.raises(NetworkProblem), registry.open_file(content) as file:
        file.read()
    hub.faults.encoded = True
    with pytest.raises(NetworkProblem, match="came with the encoding `gzip`"), registry.open_file(content) as file:
        file.read()
    said = world.mivactl("install", "acme/waterfall")
    assert said.exit_code == 6
    assert world.session().store.installed() == ()


@pytest.mark.parametrize(("status", "exit_code"), [(403, 7), (500, 6)])
def test_only_a_clean_not_found_lets_the_next_registry_answer(
    world: World, hub: FakeHub, tmp_path: Path, status: int, exit_code: int
):
    world.ok("registry", "add", "other", tmp_path / "other", "--create")
    world.ok("publish", write_draft(world.folder / "theirs", "acme/volcano", "9.0.0"), "--to", "other")
    hub.faults.status = {"miva-volcano/refs": status}
    said = world.mivactl("install", "acme/volcano")
    assert said.exit_code == exit_code
    hub.faults.status = {}
    world.ok("install", "acme/volcano")


def test_a_token_is_in_no_output_and_no_file(world: World, hub: FakeHub):
    hub.faults.status = {"safetensors": 403}
    said = world.mivactl("install", "acme/waterfall", "--debug")
    assert said.exit_code == 7
    assert TOKEN not in said.out + said.err
    assert not [path for path in world.home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_another_owners_hub_is_another_memory(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    with FakeHub() as other:
        monkeypatch.setenv("HF_ENDPOINT", other.endpoint)
        assert world.session().registry("studio").lines(NAME) == ()
        world.ok("publish", write_draft(world.folder / "there", NAME, "1.0.0", weights=tensors(5)), "--to", "studio")


def test_an_owner_without_adapters_may_be_a_slip_of_the_pen_and_is_told(world: World, hub: FakeHub):
    said = world.ok("registry", "add", "other", "hf://acmee")
    assert "warning: other: `hf://acmee` has no adapters yet; if its owner is another one: " in said.err
    assert "`mivactl registry remove other`" in said.err
    world.ok("registry", "remove", "other")
    world.ok("registry", "remove", "studio")
    assert "warning" not in world.ok("registry", "add", "studio", "hf://acme").err

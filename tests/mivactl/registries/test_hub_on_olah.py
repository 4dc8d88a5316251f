"""What is published on the Hub, read from a real server: olah, with git repositories of exactly those commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mivactl.content import Content
from registry_schema.names import AdapterName
from tests.mivactl.registries.conftest import UPLOADS
from tests.mivactl.registries.olah import olah_program, olah_server, write_git
from tests.mivactl.registries.places import hub_environment
from tests.mivactl.world import World, masked_spec, tensors, write_draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_hub import FakeHub

pytestmark = [pytest.mark.server, UPLOADS]


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> Path:
    return olah_program(pytestconfig.cache.mkdir("olah"))


@pytest.fixture
def published(world: World, fake_hub: FakeHub) -> FakeHub:
    """Two versions, one of them withdrawn, and a masked build."""
    drafts = world.folder / "drafts"
    write_draft(drafts / "1", "acme/waterfall", "1.0.0")
    write_draft(drafts / "2", "acme/waterfall", "1.1.0", weights=tensors(1))
    write_draft(drafts / "3", "acme/waterfall", "1.0.0", weights=tensors(2), spec=masked_spec())
    for number in "123":
        world.ok("publish", drafts / number, "--to", "hf://acme")
    world.ok("yank", "acme/waterfall@==1.1.0", "--registry", "hf://acme", "--reason", "moves the sky")
    return fake_hub


@pytest.fixture
def endpoint(program: Path, published: FakeHub, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """olah with what was published, and the environment of somebody without a token."""
    for name, repository in published.repositories.items():
        write_git(repository, world.folder / "mirrors" / "models" / name)
    with olah_server(program, world.folder) as address:
        monkeypatch.delenv("HF_TOKEN")
        for name, value in hub_environment(address).items():
            monkeypatch.setenv(name, value)
        yield address


def test_builds_are_read_installed_and_verified_from_a_real_server(world: World, endpoint: str, published: FakeHub):
    asked_of_the_fake = len(published.requests)
    world.ok("registry", "add", "studio", "hf://acme")
    assert "moves the sky" in world.ok("why", "acme/waterfall").out
    assert "acme/waterfall 1.0.0" in world.ok("install", "acme/waterfall").out
    world.ok("install", "acme/waterfall@==1.1.0")
    world.ok("verify")
    (name,) = {build.line.name for build in world.session().store.installed()}
    lines = world.session().registry("studio").lines(name)
    assert {line.key.tag: line.status for line in lines} == {
        "1.0.0--nano": "active",
        "1.0.0--nano-masked": "active",
        "1.1.0--nano": "yanked",
    }
    assert len(published.requests) == asked_of_the_fake


def test_a_server_without_ranges_and_lists_is_good_enough_and_knows_what_it_does_not_have(world: World, endpoint: str):
    said = world.ok("registry", "add", "studio", "hf://acme")
    assert "has no lists of repositories; none are listed" in said.err
    registry = world.session().registry("studio")
    line = registry.lines(AdapterName("acme/waterfall"))[0]
    weights = registry.manifest(line).weights
    content = Content(weights.digest, weights.size, "weights")
    with registry.open_file(content) as whole, registry.open_file(content, offset_bytes=33) as rest:
        assert whole.read()[33:] == rest.read()
    said = world.mivactl("install", "--json", "acme/volcano")
    assert said.exit_code == 3
    assert "no adapter `acme/volcano` in the registries `starter`, `studio`" in said.error["message"]

"""`--offline` in every command, with registries that could be asked: nobody is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from mivactl.cli.app import COMMANDS
from tests.mivactl.registries.conftest import UPLOADS
from tests.mivactl.registries.test_http import files_of
from tests.mivactl.test_secrets import ARGUMENTS, EVERY_COMMAND
from tests.mivactl.world import World, write_draft
from tests.servers.blob_server import BlobServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_hub import FakeHub

ASKED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
# arguments that would need a network, where those that any command refuses need none
NEEDS_IT = {
    "install": ["acme/never-seen"],
    "info": ["web/never-seen"],
    "why": ["web/never-seen"],
    "search": ["never-seen"],
    "check": ["acme/never-seen", "--base", "nano"],
    "publish": ["DRAFT", "--to", "hub"],
    "attach": ["acme/rain@==1.0.0", "--report", "REPORT", "--to", "hub"],
    "yank": ["acme/rain@==1.0.0", "--registry", "hub"],
    "unyank": ["acme/rain@==1.0.0", "--registry", "hub"],
    "deprecate": ["acme/rain@==1.0.0", "--registry", "hub"],
    "lock": ["web/never-seen"],
    "registry add": ["other", "https://registry.invalid/adapters"],
    "registry sync": ["https://registry.invalid/adapters", "COPY"],
    "registry site": ["web", "--out", "SITE"],
    "base fetch": ["animatediff-v3"],
}


class Recorder:
    """Notes who asks for the network; a hook can not be taken away, so it looks whether anybody wants to know."""

    seen: list[str] | None = None

    @classmethod
    def hear(cls, event: str, arguments: tuple[object, ...]) -> None:
        if cls.seen is not None and event in ASKED and not isinstance(arguments[-1], str | bytes):
            cls.seen.append(f"{event} {arguments[1:]}")


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    sys.addaudithook(Recorder.hear)
    seen: list[str] = []
    yield seen
    monkeypatch.setattr(Recorder, "seen", None)


@UPLOADS
def test_no_command_asks_for_the_network(
    world: World, fake_hub: FakeHub, recorded: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(world.folder)
    places = {word: str(world.folder / word.lower()) for word in ("DRAFT", "REPORT", "COPY", "SITE")}
    write_draft(world.folder / "draft", "acme/snow")
    (world.folder / "report").write_text("{}")
    world.ok("registry", "init", world.folder / "studio")
    world.ok("publish", write_draft(world.folder / "falls", "web/falls"), "--to", world.folder / "studio")
    with BlobServer(files_of(world.folder / "studio")) as server:
        world.ok("registry", "add", "web", server.url)
        world.ok("registry", "add", "hub", "hf://acme")
        world.ok("publish", write_draft(world.folder / "rain", "acme/rain"), "--to", "hub")
        world.ok("install", "web/falls")
        server.seen.clear()
        fake_hub.requests.clear()
        monkeypatch.setattr(Recorder, "seen", recorded)
        codes = {}
        for name, words in EVERY_COMMAND.items():
            arguments = [places.get(word, word) for word in NEEDS_IT.get(name, ARGUMENTS.get(name, []))]
            said = world.mivactl(*words, *arguments, "--offline")
            codes[name] = said.exit_code
            assert "something asked for" not in said.err, (name, said.err)  # it was known before it was tried
            assert (recorded, server.seen, fake_hub.requests) == ([], [], []), name
        monkeypatch.setattr(Recorder, "seen", None)
    assert set(codes) == {command.name for command in COMMANDS}
    needing = {name: codes[name] for name in NEEDS_IT if name not in {"search", "registry site", "registry add"}}
    assert set(needing.values()) == {6}, needing

"""A registry on a plain web server: what is asked, what is remembered, and what is taken for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mivactl.world import World, write_draft
from tests.servers.blob_server import BlobServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def files_of(folder: Path) -> dict[str, bytes]:
    """A folder as a server shows it."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


@pytest.fixture
def folder(world: World) -> Path:
    """A registry with one adapter."""
    folder = world.folder / "studio"
    world.ok("registry", "init", folder)
    world.ok("publish", write_draft(world.folder / "draft", "acme/waterfall", "1.0.0"), "--to", folder)
    return folder


@pytest.fixture
def server(world: World, folder: Path) -> Iterator[BlobServer]:
    with BlobServer(files_of(folder)) as server:
        world.ok("registry", "add", "studio", server.url)
        server.seen.clear()
        yield server


def asked(server: BlobServer) -> list[str]:
    """What was asked for, without the digests."""
    return [request.path.partition("/sha256")[0].lstrip("/") for request in server.seen]


def test_what_was_read_is_not_sent_again(world: World, server: BlobServer):
    world.ok("info", "acme/waterfall")
    first = asked(server)
    assert first.count("manifests") == 1
    server.seen.clear()
    world.ok("info", "acme/waterfall")
    again = [request for request in server.seen if not request.headers.get("If-None-Match")]
    assert again == []
    assert "manifests" not in asked(server)


def test_offline_tells_what_is_not_known_from_what_does_not_exist(world: World, server: BlobServer):
    world.ok("info", "acme/waterfall")
    assert world.mivactl("info", "acme/clouds").exit_code == 3
    server.seen.clear()
    assert "Falling water" in world.ok("--offline", "info", "acme/waterfall").out
    said = world.mivactl("--offline", "--json", "info", "acme/clouds")
    assert (said.exit_code, said.error["code"]) == (3, "not-found")
    said = world.mivactl("--offline", "info", "--json", "acme/never-asked")
    assert said.exit_code == 6
    assert "/index/acme/never-asked.jsonl` is not cached, and the network is switched off" in said.error["message"]
    said = world.mivactl("--offline", "install", "--json", "acme/waterfall")
    assert said.exit_code == 6
    assert "is not cached" in said.error["message"]
    assert server.seen == []

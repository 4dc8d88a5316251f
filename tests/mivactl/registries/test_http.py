"""A registry on a plain web server: what is asked, what is remembered, and what is taken for an answer."""

from __future__ import annotations

import io
import json
import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from mivactl.registry.answer_cache import AnswerCache, Remembered
from mivactl.registry.remote_documents import RemoteDocuments
from mivactl.registry.remote_file import open_remote
from mivactl.transfer.client import HttpClient
from tests.mivactl.world import World, write_draft
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.nginx import Nginx


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
    """What was asked for, without the digests; signatures beside a manifest, which may come later, are left out."""
    paths = (request.path for request in server.seen if not request.path.endswith(".sig"))
    return [path.partition("/sha256")[0].lstrip("/") for path in paths]


def test_what_was_read_is_not_sent_again(world: World, server: BlobServer):
    world.ok("info", "acme/waterfall")
    first = asked(server)
    assert first.count("manifests") == 1
    server.seen.clear()
    world.ok("info", "acme/waterfall")
    again = [request.path for request in server.seen if not request.headers.get("If-None-Match")]
    assert [path for path in again if not path.endswith(".sig")] == []
    assert "manifests" not in asked(server)


@pytest.mark.server
def test_a_file_that_changes_twice_within_a_second_is_not_mistaken(tmp_path: Path, web: Nginx):
    path = web.root / "catalog.jsonl"
    documents = RemoteDocuments(HttpClient(), AnswerCache(tmp_path / "cache"), offline=False)

    def read(content: bytes, written: float) -> bytes | None:
        path.write_bytes(content)
        os.utime(path, (written, written))
        return documents.read(f"{web.http}/catalog.jsonl", max_bytes=99)

    now = time.time()
    assert read(b"one", now) == b"one"
    assert read(b"two", now) == b"two"
    # what has rested for a while is asked for by its tag
    assert read(b"two", now - 60) == b"two"
    assert read(b"two", now - 60) == b"two"
    assert [line.split('" ')[1][:3] for line in web.log().splitlines()] == ["200", "200", "200", "304"]


@pytest.mark.server
def test_a_registry_may_have_an_authority_of_its_own(world: World, folder: Path, web: Nginx, ca_file: Path):
    world.ok("registry", "sync", folder, web.root / "adapters")
    said = world.mivactl("registry", "add", "--json", "studio", f"{web.https}/adapters")
    assert said.exit_code == 6
    assert "does not prove who it is" in said.error["message"]
    world.ok("registry", "add", "studio", f"{web.https}/adapters", "--ca", ca_file)
    world.ok("install", "acme/waterfall")
    world.ok("verify")
    # a look at the header and the weights; nothing else of the files was asked for in pieces
    assert [line.split('" ')[1][:3] for line in web.log().splitlines() if " 206 " in line] == ["206"]


def test_a_secret_is_shown_to_its_server_and_kept_out_of_sight(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    with BlobServer(files_of(folder), wants="Bearer canary-0123456789") as server:
        said = world.mivactl("registry", "add", "--json", "studio", server.url)
        assert said.exit_code == 7
        monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", "canary-0123456789")
        world.ok("registry", "add", "studio", server.url)
        world.ok("install", "acme/waterfall")
        monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", "canary-9876543210")
        said = world.mivactl("info", "acme/waterfall")
        assert said.exit_code == 7
    files = [path.read_bytes() for path in world.home.rglob("*") if path.is_file()]
    assert not [content for content in [*files, said.out.encode(), said.err.encode()] if b"canary" in content]


def test_a_token_is_kept_once_the_server_has_taken_it(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch):
    # no keyring of whoever runs this is asked
    monkeypatch.setattr("mivactl.credentials._keyring", lambda: None)
    with BlobServer(files_of(folder), wants="Bearer canary-0123456789") as server:
        with monkeypatch.context() as once:
            once.setenv("MIVACTL_TOKEN_STUDIO", "canary-0123456789")
            world.ok("registry", "add", "studio", server.url)
        assert world.mivactl("info", "acme/waterfall").exit_code == 7
        for token, exit_code in (("canary-9876543210", 7), ("canary-0123456789", 0)):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
            said = world.mivactl("login", "studio")
            assert said.exit_code == exit_code, said.err
            assert "canary" not in said.out + said.err
        world.ok("info", "acme/waterfall")
        assert world.mivactl("login", "studio", "--offline").exit_code != 0
        world.ok("logout", "studio")
        assert world.mivactl("info", "acme/waterfall").exit_code == 7


def test_a_private_registry_is_added_and_logged_in_to_in_one_go(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mivactl.credentials._keyring", lambda: None)
    with BlobServer(files_of(folder), wants="Bearer canary-0123456789") as server:
        said = world.mivactl("registry", "add", "--json", "studio", server.url)
        assert said.exit_code == 7
        assert said.error["hint"].startswith("add `--login`, which asks for a token; or ")
        for token, exit_code in (("canary-9876543210", 7), ("canary-0123456789", 0)):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
            said = world.mivactl("registry", "add", "studio", server.url, "--login")
            assert said.exit_code == exit_code, said.err
            assert "canary" not in said.out + said.err
            assert (world.home / "credentials").exists() == (exit_code == 0)  # what was not taken is not kept
        world.ok("install", "acme/waterfall")
        world.ok("logout", "studio")
        assert world.mivactl("info", "acme/waterfall").exit_code == 7
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-0123456789\n"))
    said = world.mivactl("registry", "add", "--json", "folder", folder, "--login")
    assert said.exit_code == 2
    assert "which needs no token" in said.error["message"]


def test_a_search_says_where_it_could_not_look_and_shows_what_is_elsewhere(world: World, folder: Path):
    with BlobServer(files_of(folder)) as server, FaultProxy(server.url) as proxy:
        world.ok("registry", "add", "away", proxy.url)
        world.ok("registry", "add", "here", folder)
        proxy.always = Fault(status=403)
        said = world.mivactl("search", "acme/", "--json")
        assert said.exit_code == 7
        answered = json.loads(said.out)
        assert [one["registry"] for one in answered["data"]["adapters"]] == ["here"]
        assert answered["data"]["unreachable"] == ["away"]
        assert answered["error"]["hint"]
        said = world.mivactl("search", "acme/")
        assert "acme/waterfall" in said.out
        assert "hint:" in said.err
        assert "warning: away: " in world.ok("registry", "list").err


def test_plain_http_stays_on_this_machine(world: World):
    said = world.mivactl("registry", "add", "--json", "studio", "http://registry.example/adapters")
    assert said.exit_code == 9
    assert "is asked without encryption" in said.error["message"]
    said = world.mivactl("registry", "add", "--json", "studio", "https://user:secret@registry.example/adapters")
    assert said.exit_code == 2
    assert "secret" not in said.out + said.err


def test_what_is_remembered_stays_small_and_a_damaged_memory_is_no_memory(tmp_path: Path):
    cache = AnswerCache(tmp_path / "cache", most_bytes=100_000)
    for number in range(40):
        cache.keep(f"https://registry.example/{number}", Remembered(bytes(1_000_000), f'"{number}"'))
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) < 17 << 20
    cache.keep("https://registry.example/small", Remembered(b"small"))
    assert cache.find("https://registry.example/small") == Remembered(b"small")
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert cache.find("https://registry.example/small") is None


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without"])
def test_a_remote_file_reads_like_one_on_the_disk(ranges: bool):
    content = random.Random(1).randbytes(3_000_000)
    handler = Fault() if ranges else Fault(whole=True)
    with BlobServer({"/file": content}) as server, FaultProxy(server.url, always=handler) as proxy:
        with open_remote(HttpClient(), f"{proxy.url}/file", offset_bytes=10) as file:
            assert file.read(5) == content[10:15]
            assert file.seek(0, 2) == len(content)
            assert file.read() == b""
            assert file.seek(2_999_000) == 2_999_000
            assert file.read() == content[2_999_000:]
            file.seek(0)
            assert file.read() == content
        with open_remote(HttpClient(), f"{proxy.url}/file", offset_bytes=len(content)) as file:
            assert file.read() == b""
        with pytest.raises(FileNotFoundError), open_remote(HttpClient(), f"{proxy.url}/nothing"):
            pass


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


def test_a_registry_that_can_not_be_asked_is_listed_all_the_same(world: World, server: BlobServer):
    (listed,) = [one for one in world.ok("registry", "list", "--json").data["registries"] if one["name"] == "studio"]
    assert listed["adapter_count"] == 1
    with FaultProxy(server.url) as proxy:
        world.ok("registry", "add", "other", proxy.url)
        proxy.always = Fault(status=401)
        assert "unreachable" in world.ok("registry", "list").out
    said = world.mivactl("registry", "add", "--json", "third", server.url, "--create")
    assert said.exit_code == 2
    assert "takes no files" in said.error["message"]

"""Installing over a network: what was cut or killed goes on, and nothing wrong ever gets into the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mivactl.crash_point import VARIABLE
from tests.mivactl.registries.test_http import files_of
from tests.mivactl.world import REPOSITORY, World, write_draft
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.nginx import Nginx

SIZE_BYTES = 4_000_000


def large(seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of four megabytes that do not compress."""
    random = np.random.default_rng(seed)
    return {"miva.down_blocks.0.attentions.0.cfa.q.weight": random.standard_normal((1000, 1000)).astype(np.float32)}


@pytest.fixture
def folder(world: World) -> Path:
    folder = world.folder / "studio"
    world.ok("registry", "init", folder)
    draft = write_draft(world.folder / "draft", "acme/waterfall", "1.0.0", weights=large())
    world.ok("publish", draft, "--to", folder)
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[BlobServer]:
    with BlobServer(files_of(folder)) as server:
        yield server


def weights_path(folder: Path) -> str:
    largest = max((folder / "blobs").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    return f"/{largest.relative_to(folder).as_posix()}"


def parts(world: World) -> list[Path]:
    folder = world.home / "store" / "parts"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def assert_whole(world: World) -> None:
    world.ok("verify")
    assert [entry["name"] for entry in world.ok("list", "--json").data["adapters"]] == ["acme/waterfall"]
    assert [path for path in parts(world) if path.suffix != ".lock"] == []


@pytest.mark.server
def test_an_installation_that_was_killed_goes_on_where_it_stopped(world: World, folder: Path, web: Nginx):
    world.ok("registry", "sync", folder, web.root / "adapters")
    # config, catalog, index, manifest, README and the look at the header come; then the weights stall
    with FaultProxy(web.http, always=None) as proxy:
        world.ok("registry", "add", "studio", f"{proxy.url}/adapters")
        proxy.always = Fault(stall_at=3_000_000)
        command = [sys.executable, "-m", "mivactl", "install", "acme/waterfall"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stderr=subprocess.PIPE)
        end = time.monotonic() + 120
        while not any(path.stat().st_size == 3_000_000 for path in parts(world) if path.suffix == ".part"):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end, [(path.name, path.stat().st_size) for path in parts(world)]
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert world.ok("list", "--json").data["adapters"] == []
        proxy.always = None
        proxy.sent_bytes = 0
        world.ok("install", "acme/waterfall")
        # the rest of the weights, a look at their header once more, and small files
        assert proxy.sent_bytes < SIZE_BYTES - 3_000_000 + (1 << 18) + 20_000
    assert_whole(world)


@pytest.mark.parametrize("point", ["store.all-staged", "store.locked", "store.committed"])
def test_what_has_arrived_is_not_fetched_again(world: World, folder: Path, server: BlobServer, point: str):
    world.ok("registry", "add", "studio", server.url)
    killed = world.in_new_process("install", "acme/waterfall", **{VARIABLE: point})
    assert killed.returncode == 137, killed.stderr
    server.seen.clear()
    world.ok("install", "acme/waterfall")
    asked = [request.headers.get("Range") for request in server.seen if request.path == weights_path(folder)]
    # committed: it was installed; else a look at the header, and the file itself is here
    assert asked == ([] if point == "store.committed" else ["bytes=0-262143"])
    world.ok("verify")


def test_of_several_adapters_all_are_installed_or_none(world: World, folder: Path):
    world.ok("publish", write_draft(world.folder / "b", "acme/clouds", "1.0.0"), "--to", folder)
    with BlobServer(files_of(folder)) as server:
        world.ok("registry", "add", "studio", server.url)
        weights = server.files.pop(weights_path(folder))
        said = world.mivactl("install", "--json", "acme/clouds", "acme/waterfall")
        assert said.exit_code == 5
        assert "is missing from registry `studio`" in said.error["message"]
        assert world.ok("list", "--json").data["adapters"] == []
        server.files[weights_path(folder)] = weights
        world.ok("install", "acme/clouds", "acme/waterfall")
    assert len(world.ok("list", "--json").data["adapters"]) == 2
    world.ok("verify")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(cut_at=1_500_000), id="cut"),
        pytest.param(Fault(status=503, retry_after="0"), id="busy"),
        pytest.param(Fault(hang_up=True), id="hung up"),
        pytest.param(Fault(whole=True), id="no ranges"),
    ],
)
def test_what_passes_by_is_not_even_noticed(world: World, folder: Path, server: BlobServer, fault: Fault):
    with FaultProxy(server.url) as proxy:
        world.ok("registry", "add", "studio", proxy.url)
        world.ok("info", "acme/waterfall")
        # the index is asked again, then comes the header of the weights
        proxy.faults.extend([None, fault, fault])
        world.ok("install", "acme/waterfall")
        assert not proxy.faults
    assert_whole(world)


def test_other_bytes_never_get_into_the_store(world: World, folder: Path, server: BlobServer):
    path = weights_path(folder)
    good = server.files[path]
    server.files[path] = good[:-1] + bytes([good[-1] ^ 1])
    world.ok("registry", "add", "studio", server.url)
    said = world.mivactl("install", "--json", "acme/waterfall")
    assert said.exit_code == 5
    assert "its manifest states" in said.error["message"]
    assert world.ok("list", "--json").data["adapters"] == []
    # nothing of it is kept for the next try
    assert sum(path.stat().st_size for path in parts(world)) < 10_000
    server.files[path] = good
    world.ok("install", "acme/waterfall")
    assert_whole(world)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(Fault(longer=500), "bytes, its manifest states", id="longer"),
        pytest.param(Fault(gzip=True), "encoded as `gzip`", id="compressed"),
        pytest.param(Fault(flip_at=3_000_000), "its manifest states", id="flipped"),
    ],
)
def test_a_way_that_changes_files_is_one_clear_error(world: World, server: BlobServer, fault: Fault, message: str):
    with FaultProxy(server.url) as proxy:
        world.ok("registry", "add", "studio", proxy.url)
        world.ok("info", "acme/waterfall")
        proxy.faults.append(None)
        proxy.always = fault
        said = world.mivactl("install", "--json", "acme/waterfall")
        assert (said.exit_code, message in said.error["message"]) == (5, True), said.out
        assert world.ok("list", "--json").data["adapters"] == []
        proxy.always = None
        world.ok("install", "acme/waterfall")
    assert_whole(world)


def test_a_hostile_header_is_refused_before_the_weights_are_asked_for(world: World, folder: Path, server: BlobServer):
    path = weights_path(folder)
    server.files[path] = (1 << 40).to_bytes(8, "little") + server.files[path][8:]
    world.ok("registry", "add", "studio", server.url)
    server.seen.clear()
    said = world.mivactl("install", "--json", "acme/waterfall")
    assert said.exit_code == 5
    assert "header" in said.error["message"]
    asked = [request.headers.get("Range") for request in server.seen if request.path == path]
    assert asked == ["bytes=0-262143"]
    assert parts(world) == []


@pytest.mark.parametrize(("status", "exit_code"), [(401, 7), (403, 7), (404, 5), (500, 6), (503, 6)])
def test_only_what_is_not_there_lets_the_search_go_on(world: World, server: BlobServer, status: int, exit_code: int):
    """A later registry must not answer for a name only because an earlier one is ill."""
    world.publish("acme/waterfall", "9.0.0")  # the person's own registry, which is asked last
    with FaultProxy(server.url) as proxy:
        world.ok("registry", "add", "studio", proxy.url)
        assert "1.0.0" in world.ok("info", "acme/waterfall").out
        proxy.always = Fault(status=status, retry_after="0")
        said = world.mivactl("info", "--json", "acme/waterfall")
        if status == 404:  # all of it is gone, even what says that it is a registry
            assert said.exit_code == 3
            assert "is not a registry" in said.error["message"]
        else:
            assert said.exit_code == exit_code, said.out
        proxy.always = None
        assert "9.0.0" in world.ok("info", "local::acme/waterfall").out

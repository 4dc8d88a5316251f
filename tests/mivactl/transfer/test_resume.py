"""A download that is cut goes on where it stopped, in the same process and in the next; hardly a byte comes twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mivactl.transfer.fetch import fetch
from mivactl.transfer.parts import PartFolder
from registry_schema.digests import Digest
from registry_schema.errors import NetworkProblem
from tests.mivactl.transfer.network import Pauses, blob, download, names
from tests.mivactl.world import REPOSITORY
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/blobs/waterfall"
# What one process does: bring the file at an address, or say why not.
STORY = """
import sys, time
from pathlib import Path
from mivactl.content import Content
from mivactl.transfer.client import HttpClient
from mivactl.transfer.fetch import Download, fetch
from mivactl.transfer.parts import PartFolder
from mivactl.transfer.ranged_source import HttpSource
from registry_schema.digests import Digest
folder, url, digest, size, start = sys.argv[1:6]
if "no-locks" in sys.argv:
    import fcntl
    fcntl.flock = lambda *_: None
if "full-disk" in sys.argv:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
content = Content(Digest(digest), int(size), "my/waterfall")
while time.time() < float(start):
    time.sleep(0.001)
print(fetch(Download(content, HttpSource(HttpClient(), url)), PartFolder(Path(folder))).name, flush=True)
"""


def start(folder: Path, url: str, data: bytes, *options: str, at: float = 0.0) -> subprocess.Popen[str]:
    facts = [str(folder), url, str(Digest.of(data)), str(len(data)), str(at), *options]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-c", STORY, *facts], env=environment, cwd=REPOSITORY,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def cut_and_go_on(tmp_path: Path, data: bytes, cuts: int) -> None:
    """One download for each cut: it breaks off somewhere, a later call fetches the rest."""
    choose = random.Random(20)
    with BlobServer({PATH: data}) as server, FaultProxy(server.url) as proxy:
        for number in range(cuts):
            folder = tmp_path / str(number)
            cut_at = choose.randrange(len(data))
            proxy.faults.append(Fault(cut_at=cut_at))
            proxy.sent_bytes = 0
            with pytest.raises(NetworkProblem):
                fetch(download(data, proxy.url + PATH), PartFolder(folder), retries=Pauses().retries(tries=1))
            path = fetch(download(data, proxy.url + PATH), PartFolder(folder))
            assert Digest.of(path.read_bytes()) == Digest.of(data)
            assert names(folder) == [path.name[:4]]
            assert proxy.sent_bytes <= len(data) * 1.01, f"cut at {cut_at}"
            path.unlink()


def test_hardly_a_byte_comes_twice_after_a_cut(tmp_path: Path):
    cut_and_go_on(tmp_path, blob(8_000_000), 6)


@pytest.mark.acceptance
def test_hardly_a_byte_comes_twice_after_fifty_cuts_of_100_megabytes(tmp_path: Path):
    cut_and_go_on(tmp_path, blob(100_000_000), 50)


def test_many_cuts_in_one_download_are_one_download(tmp_path: Path):
    data = blob(8_000_000)
    choose = random.Random(21)
    faults = [Fault(cut_at=choose.randrange(1, len(data) // 12)) for _ in range(12)]
    with BlobServer({PATH: data}) as server, FaultProxy(server.url, faults) as proxy:
        path = fetch(download(data, proxy.url + PATH), PartFolder(tmp_path / "d"), retries=Pauses().retries(tries=20))
    assert path.read_bytes() == data
    assert proxy.sent_bytes == len(data)
    assert [seen.headers.get("If-Range") for seen in proxy.seen[1:]] == [f'"{Digest.of(data).hex[:16]}"'] * 12


def test_what_a_killed_process_left_is_gone_on_with(tmp_path: Path):
    data = blob(4_000_000)
    folder = tmp_path / "d"
    with BlobServer({PATH: data}) as server, FaultProxy(server.url, [Fault(stall_at=3_000_000)]) as proxy:
        with start(folder, proxy.url + PATH, data) as process:
            parts = folder.glob("*.part")
            end = time.monotonic() + 60
            while not any(part.stat().st_size == 3_000_000 for part in folder.glob("*.part")):
                assert time.monotonic() < end, list(parts)
                time.sleep(0.01)
            process.kill()
        assert [name.split(".")[1:] for name in names(folder) if name.endswith("part")] == [["owned", "part"]]
        proxy.sent_bytes = 0
        path = fetch(download(data, proxy.url + PATH), PartFolder(folder))
    assert path.read_bytes() == data
    assert proxy.sent_bytes == 1_000_000
    assert names(folder) == [path.name[:4]]


def test_a_full_disk_is_an_error_and_keeps_what_fitted(tmp_path: Path):
    data = blob(2_000_000)
    folder = tmp_path / "d"
    with BlobServer({PATH: data}) as server, FaultProxy(server.url) as proxy:
        _, said = start(folder, proxy.url + PATH, data, "full-disk").communicate(timeout=60)
        assert "ResourceProblem: no space left to write" in said
        assert [name.split(".")[1:] for name in names(folder) if name.endswith("part")] == [["part"]]
        proxy.sent_bytes = 0
        assert fetch(download(data, proxy.url + PATH), PartFolder(folder)).read_bytes() == data
    assert proxy.sent_bytes == 1_000_000


@pytest.mark.parametrize("locks", [True, False], ids=["locks work", "locks fail"])
def test_eight_processes_want_the_same_file(tmp_path: Path, locks: bool):
    data = blob(3_000_000)
    folder = tmp_path / "d"
    with BlobServer({PATH: data}) as server, FaultProxy(server.url, [Fault(cut_at=1_000_000)]) as proxy:
        at = time.time() + 3
        options = [] if locks else ["no-locks"]
        running = [start(folder, proxy.url + PATH, data, *options, at=at) for _ in range(8)]
        said = [process.communicate(timeout=120) for process in running]
    assert said == [(f"{Digest.of(data).hex}\n", "")] * 8
    assert (folder / Digest.of(data).hex).read_bytes() == data
    assert [name for name in names(folder) if name.endswith("part")] == []
    if locks:
        assert proxy.sent_bytes == len(data)
        assert len(proxy.seen) == 2


def test_ctrl_c_ends_at_once_and_keeps_what_came(tmp_path: Path):
    data = blob(2_000_000)
    folder = tmp_path / "d"
    with BlobServer({PATH: data}) as server, FaultProxy(server.url, [Fault(stall_at=1_000_000)]) as proxy:
        with start(folder, proxy.url + PATH, data) as process:
            end = time.monotonic() + 60
            while not any(part.stat().st_size == 1_000_000 for part in folder.glob("*.part")):
                assert time.monotonic() < end
                time.sleep(0.01)
            process.send_signal(2)
            assert process.wait(20) != 0
        proxy.sent_bytes = 0
        assert fetch(download(data, proxy.url + PATH), PartFolder(folder)).read_bytes() == data
    assert proxy.sent_bytes == 1_000_000

"""Who owns the beginning of a file, how it passes on, and what is done with what dead processes leave."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from mivactl.ownership import Owner
from mivactl.transfer.fetch import fetch
from mivactl.transfer.parts import PartFolder
from registry_schema.digests import Digest
from registry_schema.errors import Incomplete, NetworkProblem
from tests.mivactl.transfer.network import Pauses, blob, download, names
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from pathlib import Path

DATA = blob(200_000)
DIGEST = Digest.of(DATA)
DAY = 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> PartFolder:
    return PartFolder(tmp_path / "downloads", wait_seconds=0.3)


def leave(folder: PartFolder, owner: str, data: bytes, *, age_seconds: float = 0) -> Path:
    """A part as another process left it."""
    folder.folder.mkdir(exist_ok=True)
    path = folder.folder / f"{DIGEST.hex}.{owner}part"
    path.write_bytes(data)
    os.utime(path, (time.time() - age_seconds,) * 2)
    return path


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def owner(host: str, process: int) -> str:
    return f"{Owner.new()._replace(host=host, process=process).name}."


class Stopped(Exception):
    pass


def work(folder: PartFolder, data: bytes) -> bytes:
    """Claim, add `data`, fail; what was there before."""
    with suppress(Stopped), folder.claimed(DIGEST) as part:
        before = b"".join(part.chunks())
        part.append(data)
        raise Stopped
    return before


def test_what_one_leaves_the_next_goes_on_with(folder: PartFolder):
    assert work(folder, b"abc") == b""
    assert names(folder.folder) == [f"{DIGEST.hex[:4]}.part"]
    assert work(folder, b"de") == b"abc"
    assert work(folder, b"") == b"abcde"


def test_two_at_once_work_on_two_files_and_the_longer_one_stays(folder: PartFolder):
    work(folder, b"abc")
    with suppress(Stopped), folder.claimed(DIGEST) as first:
        assert b"".join(first.chunks()) == b"abc"
        assert work(folder, b"ab") == b""
        assert work(folder, b"") == b"ab"
        raise Stopped
    assert work(folder, b"") == b"abc"
    assert len(names(folder.folder)) == 1


def test_nothing_is_left_of_nothing(folder: PartFolder):
    work(folder, b"")
    assert names(folder.folder) == []


@pytest.mark.parametrize(
    ("host", "alive", "age_seconds", "adopted"),
    [
        (platform.node(), False, 0, True),
        (platform.node(), True, 0, False),
        (platform.node(), True, DAY + 60, True),
        ("elsewhere", False, 0, False),
        ("elsewhere", False, DAY - 60, False),
        ("elsewhere", True, DAY + 60, True),
    ],
)
def test_what_a_process_left_that_seems_dead_is_adopted(
    folder: PartFolder, host: str, alive: bool, age_seconds: float, adopted: bool
):
    process = os.getpid() if alive else dead_process()
    path = leave(folder, owner(host, process), b"abc", age_seconds=age_seconds)
    assert work(folder, b"d") == (b"abc" if adopted else b"")
    assert path.exists() != adopted
    assert len(names(folder.folder)) == 1 + (not adopted)


def test_of_several_that_were_left_the_longest_is_adopted_and_the_others_go(folder: PartFolder):
    process = dead_process()
    for text in ("a", "abcd", "abc"):
        leave(folder, owner(platform.node(), process), text.encode())
    assert work(folder, b"") == b"abcd"
    assert len(names(folder.folder)) == 1


def test_a_process_that_only_seemed_dead_spoils_nothing(folder: PartFolder):
    half = DATA[:100_000]
    later = PartFolder(folder.folder, clock=lambda: time.time() + DAY + 1)
    with folder.claimed(DIGEST) as lively:
        lively.append(half)
        with later.claimed(DIGEST) as adopted:
            assert b"".join(adopted.chunks()) == half
            lively.append(b"what the first one still writes")
            adopted.append(DATA[100_000:])
            adopted.place(folder.complete(DIGEST))
        with pytest.raises(Incomplete, match="another process took over the download of"):
            lively.place(folder.complete(DIGEST))
    assert folder.complete(DIGEST).read_bytes() == DATA
    assert names(folder.folder) == [DIGEST.hex[:4]]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_somebody_put_in_place_of_a_part_is_not_touched(folder: PartFolder, tmp_path: Path, kind: str):
    precious = tmp_path / "precious"
    precious.write_bytes(b"abc")
    folder.folder.mkdir()
    place = folder.folder / f"{DIGEST.hex}.part"
    {"link": lambda: place.symlink_to(precious), "pipe": lambda: os.mkfifo(place), "folder": place.mkdir}[kind]()
    with BlobServer({"/x": DATA}) as server:
        assert fetch(download(DATA, f"{server.url}/x"), folder).read_bytes() == DATA
    assert precious.read_bytes() == b"abc"


@pytest.mark.parametrize("left", [DATA[:50_000], DATA, b"wrong" * 9, DATA + b"more", blob(200_000, seed=1)])
def test_whatever_is_left_the_right_file_comes(folder: PartFolder, left: bytes):
    leave(folder, "", left)
    with BlobServer({"/x": DATA}) as server:
        assert fetch(download(DATA, f"{server.url}/x"), folder).read_bytes() == DATA
    assert names(folder.folder) == [DIGEST.hex[:4]]
    if left == DATA:
        assert server.seen == []


def test_a_good_beginning_is_not_fetched_again(folder: PartFolder):
    leave(folder, owner(platform.node(), dead_process()), DATA[:150_000])
    with BlobServer({"/x": DATA}) as server, FaultProxy(server.url) as proxy:
        fetch(download(DATA, f"{proxy.url}/x"), folder)
    assert proxy.sent_bytes == 50_000


def test_old_things_are_swept_away(folder: PartFolder):
    leave(folder, "", b"yesterday's", age_seconds=DAY + 1)
    leave(folder, owner(platform.node(), dead_process()), b"dead")
    mine = leave(folder, owner(platform.node(), os.getpid()), b"mine")
    (folder.folder / "1").write_bytes(b"complete, not yet taken")
    folder.sweep()
    assert sorted(path.name for path in folder.folder.iterdir()) == sorted(["1", mine.name])
    PartFolder(folder.folder / "none").sweep()


def test_a_holder_that_does_nothing_is_not_waited_for(folder: PartFolder):
    hold = (
        "import sys, time; from pathlib import Path; from mivactl.transfer.parts import PartFolder\n"
        "from registry_schema.digests import Digest\n"
        "with PartFolder(Path(sys.argv[1])).turn(Digest(sys.argv[2])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(folder.folder), str(DIGEST)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with BlobServer({"/x": DATA}) as server:
            assert fetch(download(DATA, f"{server.url}/x"), folder).read_bytes() == DATA
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_file_system_without_locks_is_no_obstacle(folder: PartFolder, monkeypatch: pytest.MonkeyPatch):
    def no_locks(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with BlobServer({"/x": DATA}) as server:
        assert fetch(download(DATA, f"{server.url}/x"), folder).read_bytes() == DATA


def test_a_failed_download_keeps_what_came(folder: PartFolder):
    cut = Fault(cut_at=120_000)
    with BlobServer({"/x": DATA}) as server, FaultProxy(server.url, [cut]) as proxy, pytest.raises(NetworkProblem):
        fetch(download(DATA, f"{proxy.url}/x"), folder, retries=Pauses().retries(tries=1))
    assert work(folder, b"") == DATA[:120_000]

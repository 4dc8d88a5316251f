"""A download meets all that a network can do: it ends in the right file or in one clear error, never in a wrong one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from mivactl.transfer.address import Origin
from mivactl.transfer.credential import Credential
from mivactl.transfer.fetch import Download, fetch, fetch_all
from mivactl.transfer.parts import PartFolder
from mivactl.transfer.ranged_source import HttpSource, RangedStream
from mivactl.transfer.retries import Retries
from registry_schema.digests import Digest
from registry_schema.errors import (
    AuthProblem,
    IntegrityProblem,
    MivaError,
    NetworkProblem,
    NotFound,
    ResourceProblem,
)
from tests.mivactl.transfer.network import (
    CANARY,
    IMPATIENT,
    PATIENT,
    Pauses,
    Recorded,
    blob,
    client,
    download,
    names,
    patience_for,
)
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

DATA = blob(300_000)
OTHER = blob(300_000, seed=1)
PATH = "/blobs/waterfall"


@pytest.fixture
def server() -> Iterator[BlobServer]:
    with BlobServer({PATH: DATA, "/other": OTHER}) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> PartFolder:
    return PartFolder(tmp_path / "downloads")


CUT = Fault(cut_at=100_000)
# what happens to the answers, one after the other, and how many notes the person gets
SURVIVED = {
    "nothing": ([], 0),
    "hang up": ([Fault(hang_up=True)], 0),
    "cut": ([CUT, Fault(cut_at=1), Fault(cut_at=0)], 0),
    "stall": ([Fault(stall_at=100_000), Fault(stall_at=0)], 0),
    "drip": ([Fault(drip_seconds=0.01)], 0),
    "flipped byte": ([Fault(flip_at=7)], 1),
    "flipped byte after a cut": ([CUT, Fault(flip_at=7)], 1),
    "flipped byte before a cut": ([Fault(flip_at=7, cut_at=100_000)], 1),
    "whole file after a cut": ([CUT, Fault(whole=True)], 1),
    "whole file, cut again": ([CUT, Fault(whole=True, cut_at=50_000)], 1),
    "promises more than comes": ([Fault(cut_at=299_999)], 0),
    "another tag after a cut": ([CUT, Fault(etag='"new"')], 1),
    "a weak tag after a cut": ([CUT, Fault(etag='W/"new"')], 0),
    "no tag": ([Fault(cut_at=100_000, etag=""), Fault(etag="")], 0),
    "wrong range after a cut": ([CUT, Fault(content_range="bytes 0-299999/300000")], 1),
    "senseless range after a cut": ([CUT, Fault(content_range="lines 1-2")], 1),
    "unknown total after a cut": ([CUT, Fault(content_range="bytes 100000-299999/*")], 0),
    "range refused after a cut": ([CUT, Fault(status=416)], 1),
    "429 and 503": ([Fault(status=429, retry_after="3"), Fault(status=503), CUT, Fault(status=500)], 0),
    "more than the file": ([Fault(extra=b"more")], 1),
}


@pytest.mark.parametrize(("faults", "notes"), SURVIVED.values(), ids=list(SURVIVED))
def test_what_can_be_survived_is(server: BlobServer, folder: PartFolder, faults: list[Fault], notes: int):
    progress = Recorded()
    patience = next((patience_for(fault) for fault in faults if patience_for(fault) is IMPATIENT), PATIENT)
    with FaultProxy(server.url, faults) as proxy:
        source = download(DATA, proxy.url + PATH, patience=patience)
        path = fetch(source, folder, progress=progress, retries=Pauses().retries())
        assert not proxy.faults, "a fault was not met"
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o444
    assert names(folder.folder) == [path.name[:4]]
    assert len(progress.notes) == notes
    assert all("starting again, because" in note for note in progress.notes)
    assert progress.totals == [1]
    assert sum(progress.counts) == 1
    assert min(progress.counts) > 0


# what happens to every answer, the error, its words, and what is kept
LASTING = {
    "hang up": (Fault(hang_up=True), NetworkProblem, "the connection to `{url}` broke", []),
    "stall": (Fault(stall_at=0), NetworkProblem, "`{url}` stopped answering", []),
    "drip": (Fault(drip_seconds=0.01), NetworkProblem, "bytes a second, expected at least 1000", ["part"]),
    "cut at once": (Fault(cut_at=0), NetworkProblem, "the connection to `{url}` broke", []),
    "flipped byte": (Fault(flip_at=7), IntegrityProblem, f"its manifest states `{Digest.of(DATA)}`", []),
    "shorter": (Fault(longer=-1), IntegrityProblem, "`299999` bytes, its manifest states `300000`", []),
    "longer": (Fault(longer=1), IntegrityProblem, "`300001` bytes, its manifest states `300000`", []),
    "more than the file": (Fault(extra=b"x"), IntegrityProblem, "more than the `300000` bytes its manifest states", []),
    "gzip": (Fault(gzip=True), IntegrityProblem, "`{url}` answered with bytes encoded as `gzip`", []),
    "401": (Fault(status=401), AuthProblem, "`{url}` may not be used with these credentials (HTTP 401)", []),
    "403": (Fault(status=403), AuthProblem, "`{url}` may not be used with these credentials (HTTP 403)", []),
    "404": (Fault(status=404), NotFound, "`{url}` is not there", []),
    "416": (Fault(status=416), NetworkProblem, "`{url}` answered HTTP 416, expected a file", []),
    "429": (Fault(status=429, retry_after="9"), NetworkProblem, "`{url}` answered HTTP 429 and asks to wait 9 s", []),
    "500": (Fault(status=500), NetworkProblem, "`{url}` answered HTTP 500", []),
    "503": (Fault(status=503, retry_after="9999"), NetworkProblem, "and asks to wait 9999 s", []),
}


@pytest.mark.parametrize(("fault", "error", "words", "kept"), LASTING.values(), ids=list(LASTING))
def test_what_lasts_is_one_clear_error(
    server: BlobServer, folder: PartFolder, fault: Fault, error: type[MivaError], words: str, kept: list[str]
):
    with FaultProxy(server.url, always=fault) as proxy:
        credential = Credential.bearer(Origin.of(proxy.url), CANARY)
        source = download(DATA, proxy.url + PATH, credential, patience=patience_for(fault))
        with pytest.raises(error) as caught:
            fetch(source, folder, retries=Pauses().retries())
        assert words.format(url=proxy.url + PATH) in caught.value.message
        assert caught.value.hint
        assert CANARY not in f"{caught.value.message}{caught.value.hint}"
        assert [name.split(".")[-1] for name in names(folder.folder) if not name.endswith("lock")] == kept
        # the network is well again: whatever was kept does no harm
        proxy.always = None
        assert fetch(source, folder, retries=Pauses().retries()).read_bytes() == DATA


def test_a_file_that_was_exchanged_names_both_digests(server: BlobServer, folder: PartFolder):
    server.files[PATH] = OTHER
    with pytest.raises(IntegrityProblem) as caught:
        fetch(download(DATA, server.url + PATH), folder, retries=Pauses().retries())
    assert caught.value.message == (
        f"my/waterfall 1.0.0: adapter.safetensors from `{server.url}{PATH}`: digest is `{Digest.of(OTHER)}`, "
        f"its manifest states `{Digest.of(DATA)}`"
    )
    assert len(server.seen) == 2


def test_a_file_that_changes_between_two_pieces_is_fetched_anew(server: BlobServer, folder: PartFolder):
    server.files[PATH] = OTHER
    with FaultProxy(server.url, [CUT]) as proxy:
        retries = Retries(sleep=lambda _: server.files.update({PATH: DATA}))
        path = fetch(download(DATA, proxy.url + PATH), folder, retries=retries)
    assert path.read_bytes() == DATA
    assert server.seen[1].headers["Range"] == "bytes=100000-"
    assert server.seen[1].headers["If-Range"].startswith('"')


def test_credentials_do_not_follow_a_blob_to_another_host(server: BlobServer, folder: PartFolder):
    with FaultProxy(server.url, always=Fault(redirect=f"{server.url}{PATH}?signed")) as registry:
        source = download(DATA, registry.url + PATH, Credential.bearer(Origin.of(registry.url), CANARY))
        fetch(source, folder)
    assert registry.seen[0].headers["Authorization"] == f"Bearer {CANARY}"
    assert "Authorization" not in server.seen[0].headers


def test_a_server_that_gives_a_byte_at_a_time_does_not_keep_us_for_ever(server: BlobServer, folder: PartFolder):
    with FaultProxy(server.url, always=Fault(cut_at=1)) as proxy, pytest.raises(NetworkProblem):
        fetch(download(DATA, proxy.url + PATH), folder, retries=Pauses().retries())
    assert len(proxy.seen) == 5


def test_many_cuts_far_apart_are_no_reason_to_give_up(folder: PartFolder):
    data = blob(9 * 1_100_000)
    with BlobServer({PATH: data}) as server, FaultProxy(server.url, always=Fault(cut_at=1_100_000)) as proxy:
        path = fetch(download(data, proxy.url + PATH), folder, retries=Pauses().retries(tries=2))
    assert path.read_bytes() == data
    assert len(proxy.seen) == 9


def test_an_empty_file_needs_no_request(server: BlobServer, folder: PartFolder):
    assert fetch(download(b"", server.url + PATH), folder).read_bytes() == b""
    assert server.seen == []


def test_a_file_that_is_here_is_not_fetched_again_unless_it_was_changed(server: BlobServer, folder: PartFolder):
    path = fetch(download(DATA, server.url + PATH), folder)
    progress = Recorded()
    assert fetch(download(DATA, server.url + PATH), folder, progress=progress) == path
    assert (len(server.seen), sum(progress.counts)) == (1, 1)
    path.chmod(0o644)
    path.write_bytes(OTHER)
    assert fetch(download(DATA, server.url + PATH), folder).read_bytes() == DATA
    assert len(server.seen) == 2


def test_a_disk_without_room_is_said_before_anything_is_asked(server: BlobServer, folder: PartFolder):
    content = download(DATA, server.url + PATH)
    huge = type(content.content)(content.content.digest, 1 << 60, "huge")
    with pytest.raises(ResourceProblem, match="bytes free"):
        fetch(Download(huge, content.source), folder)
    assert server.seen == []


class Forgetful:
    """A source of another kind: it gives bytes, says nothing about them, and starts where it likes."""

    place = "memory"

    def __init__(self, *starts: int) -> None:
        self.starts = list(starts)
        self.asked: list[tuple[int, str | None]] = []

    def open(self, offset: int, etag: str | None) -> AbstractContextManager[RangedStream]:
        self.asked.append((offset, etag))
        start = self.starts.pop(0) if self.starts else offset
        return nullcontext(RangedStream(iter([DATA[start : start + 120_000]]), start, None, None))


def test_any_source_of_ranges_will_do(folder: PartFolder):
    source = Forgetful()
    content = download(DATA, "http://localhost/").content
    path = fetch(Download(content, source), folder, retries=Pauses().retries())
    assert path.read_bytes() == DATA
    assert source.asked == [(0, None), (120_000, None), (240_000, None)]


def test_a_source_that_begins_elsewhere_is_asked_from_the_beginning(folder: PartFolder):
    source = Forgetful(0, 60_000)
    content = download(DATA, "http://localhost/").content
    assert fetch(Download(content, source), folder, retries=Pauses().retries()).read_bytes() == DATA
    assert [offset for offset, _ in source.asked] == [0, 120_000, 0, 120_000, 240_000]


def test_several_files_come_at_once_in_one_phase(tmp_path: Path):
    blobs = [blob(700_000 + n, seed=n) for n in range(9)]
    files = {f"/{n}": data for n, data in enumerate(blobs)}
    progress, folder = Recorded(), PartFolder(tmp_path / "downloads")
    with BlobServer(files) as server, FaultProxy(server.url, [CUT, None, Fault(flip_at=3)]) as proxy:
        shared = client()
        wanted = [
            Download(download(data, proxy.url).content, HttpSource(shared, f"{proxy.url}/{n}"))
            for n, data in enumerate(blobs)
        ]
        paths = fetch_all([*wanted, wanted[0]], folder, progress=progress, retries=Pauses().retries())
    assert [path.read_bytes() for path in paths] == [*blobs, blobs[0]]
    assert progress.totals == [7]
    assert sum(progress.counts) == 7
    assert min(progress.counts) > 0


def test_the_first_failure_ends_all_and_keeps_what_came(tmp_path: Path):
    blobs = [blob(400_000, seed=n) for n in range(4)]
    files = {f"/{n}": data for n, data in enumerate(blobs) if n}
    folder = PartFolder(tmp_path / "downloads")
    with BlobServer(files) as server, FaultProxy(server.url, always=Fault(stall_at=200_000)) as slow:
        wanted = [download(data, f"{slow.url}/{n}", patience=IMPATIENT) for n, data in enumerate(blobs)]
        with pytest.raises(NotFound):
            fetch_all(wanted, folder, retries=Pauses().retries())
        kept = [name for name in names(folder.folder) if name.endswith("part")]
        assert all("owned" not in name for name in kept)
        server.files["/0"] = blobs[0]
        slow.always = None
        assert [path.read_bytes() for path in fetch_all(wanted, folder)] == blobs

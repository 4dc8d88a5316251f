"""The same against a real server: nginx with ranges, entity tags, WebDAV and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mivactl.transfer.client import ClientOptions, Document, HttpClient, Unchanged
from mivactl.transfer.fetch import Download, fetch
from mivactl.transfer.parts import PartFolder
from mivactl.transfer.ranged_source import HttpSource, WrongRange
from mivactl.transfer.request import Request
from registry_schema.errors import IntegrityProblem
from tests.mivactl.transfer.network import PATIENT, Pauses, blob, download
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.nginx import Nginx

pytestmark = pytest.mark.server
DATA = blob(2_000_000)


@pytest.fixture
def encrypted(ca_file: Path) -> HttpClient:
    return HttpClient(ClientOptions(ca=ca_file, patience=PATIENT, retries=Pauses().retries()))


def test_documents_come_and_do_not_come_again(web: Nginx, encrypted: HttpClient):
    (web.root / "index.jsonl").write_bytes(b"{}\n" * 1000)
    first = encrypted.read(f"{web.https}/index.jsonl", max_bytes=4096)
    assert isinstance(first, Document)
    assert first.content == b"{}\n" * 1000
    assert first.etag is not None
    assert encrypted.read(f"{web.https}/index.jsonl", max_bytes=4096, etag=first.etag) == Unchanged()
    assert encrypted.read(f"{web.https}/nothing", max_bytes=4096) is None
    assert [line.split('" ')[1][:3] for line in web.log().splitlines()] == ["200", "304", "404"]


def test_nginx_does_not_compress_what_is_asked_for_plainly(web: Nginx, encrypted: HttpClient):
    (web.root / "index.jsonl").write_bytes(b"{}\n" * 1000)
    asked = Request("GET", f"{web.https}/index.jsonl", {"Accept-Encoding": "gzip"})
    with pytest.raises(IntegrityProblem, match="encoded as `gzip`"):
        encrypted.send(asked)


def test_ranges_follow_the_tag(web: Nginx, encrypted: HttpClient):
    (web.root / "blob").write_bytes(DATA)
    source = HttpSource(encrypted, f"{web.https}/blob")
    with source.open(0, None) as whole:
        assert (whole.offset, whole.total) == (0, len(DATA))
        etag = whole.etag
    assert etag is not None
    with source.open(1_999_990, etag) as hit:
        assert (hit.offset, hit.total, hit.etag) == (1_999_990, len(DATA), etag)
        assert b"".join(hit.chunks) == DATA[-10:]
    with source.open(1_999_990, '"other"') as miss:
        assert (miss.offset, miss.total) == (0, len(DATA))
    with pytest.raises(WrongRange, match="has nothing after byte 2000000"), source.open(len(DATA), None):
        pass


def test_a_download_over_tls_and_a_redirect(web: Nginx, encrypted: HttpClient, tmp_path: Path):
    (web.root / "blob").write_bytes(DATA)
    content = download(DATA, web.http).content
    path = fetch(Download(content, HttpSource(encrypted, f"{web.https}/moved/blob")), PartFolder(tmp_path / "d"))
    assert path.read_bytes() == DATA


def test_a_torn_download_goes_on(web: Nginx, tmp_path: Path):
    (web.root / "blob").write_bytes(DATA)
    with FaultProxy(web.http, [Fault(cut_at=700_000), Fault(cut_at=700_000)]) as proxy:
        path = fetch(download(DATA, f"{proxy.url}/blob"), PartFolder(tmp_path / "d"), retries=Pauses().retries())
    assert path.read_bytes() == DATA
    assert proxy.sent_bytes == len(DATA)
    assert [line.split('" ')[1][:3] for line in web.log().splitlines()] == ["200", "206", "206"]


def test_files_are_put_and_taken_away(web: Nginx, encrypted: HttpClient):
    assert encrypted.send(Request("PUT", f"{web.https}/a/b", body=DATA)).status == 201
    assert (web.root / "a" / "b").read_bytes() == DATA
    assert encrypted.send(Request("HEAD", f"{web.https}/a/b")).headers["Content-Length"] == str(len(DATA))
    assert encrypted.send(Request("DELETE", f"{web.https}/a/b")).status == 204

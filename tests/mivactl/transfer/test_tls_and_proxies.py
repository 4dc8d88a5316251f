"""Encrypted connections are verified, never given up on the way; the proxies of the environment are used."""

from __future__ import annotations

import ssl
import traceback
from typing import TYPE_CHECKING

import pytest

from mivactl.transfer.address import Origin
from mivactl.transfer.client import Document
from mivactl.transfer.credential import Credential
from mivactl.transfer.request import Request
from registry_schema.errors import AuthProblem, NetworkProblem, Refused, UsageProblem
from tests.mivactl.transfer.network import CANARY, Pauses, client
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy
from tests.servers.forward_proxy import ForwardProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

NAME = "registry.example"


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", NAME).configure_cert(context)
    return context


@pytest.fixture
def server(tls: ssl.SSLContext) -> Iterator[BlobServer]:
    with BlobServer({"/x": b"1"}, tls=tls) as running:
        yield running


def test_the_registrys_own_authority_is_trusted(server: BlobServer, ca_file: Path):
    assert isinstance(client(ca=ca_file).read(f"{server.url}/x", max_bytes=9), Document)


def test_ssl_cert_file_does_it_for_all(server: BlobServer, ca_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert isinstance(client().read(f"{server.url}/x", max_bytes=9), Document)


def test_a_server_nobody_vouches_for_is_not_asked_twice(server: BlobServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    pauses = Pauses()
    with pytest.raises(NetworkProblem, match=f"`{server.url}/x` does not prove who it is: ") as caught:
        client(Credential.bearer(Origin.of(server.url), CANARY), pauses=pauses).read(f"{server.url}/x", max_bytes=9)
    assert "`ca` of the registry or `SSL_CERT_FILE`" in str(caught.value.hint)
    assert pauses.seconds == []
    assert server.seen == []


def test_a_certificate_for_another_name_is_not_taken(server: BlobServer, ca_file: Path):
    with pytest.raises(NetworkProblem, match=r"does not prove who it is: .*mismatch"):
        client(ca=ca_file).read(f"https://localhost:{server.port}/x", max_bytes=9)


def test_a_server_without_encryption_behind_https(ca_file: Path):
    with BlobServer({"/x": b"1"}) as plain, pytest.raises(NetworkProblem, match="no encrypted connection to `https:"):
        client(ca=ca_file).read(f"https://127.0.0.1:{plain.port}/x", max_bytes=9)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_authorities_is_an_error(tmp_path: Path, content: str | None):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageProblem, match=f"`{file}` is no file of certificate authorities"):
        client(ca=file).read("https://127.0.0.1:1/x", max_bytes=9)


def test_encryption_is_not_given_up_on_the_way(tls: ssl.SSLContext, ca_file: Path):
    with BlobServer({"/x": b"1"}) as plain, FaultProxy(plain.url, tls=tls) as proxy:
        proxy.faults.append(Fault(redirect=f"{plain.url}/x"))
        with pytest.raises(Refused, match=f"was moved to `{plain.url}/x`, which is not encrypted"):
            client(ca=ca_file, insecure=True).read(f"{proxy.url}/x", max_bytes=9)
    assert plain.seen == []


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_https_goes_through_the_proxy_and_stays_closed_to_it(
    server: BlobServer, ca_file: Path, clean: pytest.MonkeyPatch
):
    with ForwardProxy(server.port, wants="Basic bWU6c2VjcmV0") as proxy:
        clean.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        asking = client(Credential.bearer(Origin.of(f"https://{NAME}"), CANARY), ca=ca_file)
        assert asking.read(f"https://{NAME}/x", max_bytes=9) == Document(b"1", '"6b86b273ff34fce1"')
    (seen,) = proxy.seen
    assert (seen.method, seen.path) == ("CONNECT", f"{NAME}:443")
    assert "Authorization" not in seen.headers
    assert server.seen[0].headers["Authorization"] == f"Bearer {CANARY}"
    assert "Proxy-Authorization" not in server.seen[0].headers


def test_plain_http_goes_through_its_proxy(clean: pytest.MonkeyPatch):
    with BlobServer({"/x": b"1"}) as server, ForwardProxy(server.port) as proxy:
        clean.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        answer = client(insecure=True).send(Request("GET", f"http://{NAME}/x"))
    assert answer.content == b"1"
    assert proxy.seen[0].path == f"http://{NAME}/x"


def test_no_proxy_and_this_machine_go_past_it(clean: pytest.MonkeyPatch):
    with BlobServer({"/x": b"1"}) as server, ForwardProxy(server.port) as proxy:
        clean.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        clean.setenv("NO_PROXY", "other.example,.invalid")
        assert isinstance(client().read(f"{server.url}/x", max_bytes=9), Document)
        with pytest.raises(NetworkProblem, match="nobody knows the host"):
            client(insecure=True).read("http://registry.invalid/x", max_bytes=9)
    assert proxy.seen == []


def test_a_proxy_that_wants_a_login_is_named_as_such(server: BlobServer, clean: pytest.MonkeyPatch):
    with ForwardProxy(server.port, wants="Basic x") as proxy:
        clean.setenv("HTTPS_PROXY", f"http://me:{CANARY}@127.0.0.1:{proxy.port}")
        with pytest.raises(AuthProblem) as caught:
            client().read(f"https://{NAME}/x", max_bytes=9)
    assert caught.value.message == f"the proxy on the way to `https://{NAME}/x` wants to know who asks (HTTP 407)"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_for_plain_http_wants_a_login_too(clean: pytest.MonkeyPatch):
    with BlobServer({"/x": b"1"}) as server, ForwardProxy(server.port, wants="Basic x") as proxy:
        clean.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(AuthProblem, match=f"the proxy on the way to `http://{NAME}/x` wants to know who asks"):
            client(insecure=True).read(f"http://{NAME}/x", max_bytes=9)
    assert server.seen == []


def test_a_proxy_that_is_not_there(clean: pytest.MonkeyPatch):
    with BlobServer({}) as gone:
        port = gone.port
    clean.setenv("ALL_PROXY", f"http://me:{CANARY}@127.0.0.1:{port}")
    with pytest.raises(
        NetworkProblem, match=f"the proxy on the way to `https://{NAME}/x` can not be reached"
    ) as caught:
        client().read(f"https://{NAME}/x", max_bytes=9)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("address", ["socks5://me:secret@host:1", "http://", "http://host:port"])
def test_a_proxy_without_a_usable_address(clean: pytest.MonkeyPatch, address: str):
    clean.setenv("HTTPS_PROXY", address)
    with pytest.raises(UsageProblem, match="has no usable address, expected `http://host:port`") as caught:
        client().read(f"https://{NAME}/x", max_bytes=9)
    assert "secret" not in caught.value.message

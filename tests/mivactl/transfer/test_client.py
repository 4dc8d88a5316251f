"""One request: what comes back as a value, what is an error, what is tried again, and where credentials go."""

from __future__ import annotations

import email.utils
import io
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mivactl.network_guard import network_guard
from mivactl.transfer.address import Origin
from mivactl.transfer.client import Document, Unchanged
from mivactl.transfer.credential import Credential
from mivactl.transfer.reply import Denied, _seconds_to_wait
from mivactl.transfer.request import Request, Upload
from mivactl.transfer.retries import Retries, Transient
from registry_schema.errors import AuthProblem, IntegrityProblem, MivaError, NetworkProblem, Refused
from tests.mivactl.transfer.network import CANARY, Pauses, client, patience_for
from tests.mivactl.world import REPOSITORY
from tests.servers.blob_server import BlobServer
from tests.servers.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

FINE = Fault()
BODY = b'{"format": 1}\n' * 40


@pytest.fixture
def server() -> Iterator[BlobServer]:
    with BlobServer({"/config.json": BODY}) as running:
        yield running


def read(
    url: str, pauses: Pauses | None = None, *, fault: Fault = FINE, max_bytes: int = 4096, etag: str | None = None
) -> Document | Unchanged | None:
    return client(pauses=pauses, patience=patience_for(fault)).read(url, max_bytes=max_bytes, etag=etag)


def test_a_document_comes_with_its_tag_and_is_not_sent_twice(server: BlobServer):
    first = read(f"{server.url}/config.json")
    assert isinstance(first, Document)
    assert first.content == BODY
    assert read(f"{server.url}/config.json", etag=first.etag) == Unchanged()
    assert read(f"{server.url}/config.json", etag='"of something older"') == first


def test_what_is_not_there_is_a_value(server: BlobServer):
    assert read(f"{server.url}/nothing") is None
    assert len(server.seen) == 1


def test_every_request_asks_for_plain_bytes_and_says_who_it_is(server: BlobServer):
    read(f"{server.url}/config.json")
    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert server.seen[0].headers["User-Agent"].startswith("mivactl/")


def test_a_connection_serves_the_next_request_too(server: BlobServer):
    asking = client()
    for path in ("/config.json", "/nothing", "/config.json"):
        asking.read(f"{server.url}{path}", max_bytes=4096)
    (pool,) = [pools.pools for pools in asking._connections._pools.values()]
    assert pool[next(iter(pool.keys()))].num_connections == 1


def test_one_byte_too_many_is_refused(server: BlobServer):
    assert isinstance(read(f"{server.url}/config.json", max_bytes=len(BODY)), Document)
    with pytest.raises(IntegrityProblem, match=rf"`{server.url}/config.json` has more than the `559` bytes allowed"):
        read(f"{server.url}/config.json", max_bytes=len(BODY) - 1)


PASSING = {
    "hang up": Fault(hang_up=True),
    "cut in the middle": Fault(cut_at=100),
    "stalls": Fault(stall_at=100),
    "stalls at once": Fault(stall_at=0),
    "drips": Fault(drip_seconds=0.02),
    "promises more than comes": Fault(longer=50),
    "429": Fault(status=429, retry_after="7"),
    "500": Fault(status=500),
    "503": Fault(status=503),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=list(PASSING))
def test_what_may_pass_is_tried_again(server: BlobServer, fault: Fault):
    pauses = Pauses()
    with FaultProxy(server.url, [fault, fault]) as proxy:
        found = read(f"{proxy.url}/config.json", pauses, fault=fault)
    assert isinstance(found, Document)
    assert found.content == BODY
    # on a busy machine the impatient ones may take a slow good answer for a third fault
    assert pauses.seconds[:2] == ([7.0, 7.0] if fault.retry_after else [0.5, 1.0])


@pytest.mark.parametrize("fault", PASSING.values(), ids=list(PASSING))
def test_what_does_not_pass_is_one_clear_error_after_five_tries(server: BlobServer, fault: Fault):
    with FaultProxy(server.url, always=fault) as proxy, pytest.raises(NetworkProblem) as caught:
        read(f"{proxy.url}/config.json", fault=fault)
    assert len(proxy.seen) == 5
    assert f"`{proxy.url}/config.json`" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 6


LASTING = {
    "401": (Fault(status=401), AuthProblem, "wants to know who asks (HTTP 401)"),
    "403": (Fault(status=403), AuthProblem, "wants to know who asks (HTTP 403)"),
    "410": (Fault(status=410), NetworkProblem, "answered HTTP 410, expected a file"),
    "204": (Fault(status=204), NetworkProblem, "answered HTTP 204, expected a file"),
    "304 unasked": (Fault(status=304), NetworkProblem, "answered HTTP 304, expected a file"),
    "501": (Fault(status=501), NetworkProblem, "answered HTTP 501, expected a file"),
    "gzip": (Fault(gzip=True), IntegrityProblem, "answered with bytes encoded as `gzip`, expected them as they are"),
    "moved nowhere": (Fault(redirect=""), NetworkProblem, "answered HTTP 302, expected a place where it was moved to"),
    "waits an hour": (Fault(status=503, retry_after="3600"), NetworkProblem, "HTTP 503 and asks to wait 3600 s"),
}


@pytest.mark.parametrize(("fault", "error", "message"), LASTING.values(), ids=list(LASTING))
def test_what_will_not_pass_is_an_error_at_once(server: BlobServer, fault: Fault, error: type[MivaError], message: str):
    with FaultProxy(server.url, always=fault) as proxy, pytest.raises(error) as caught:
        read(f"{proxy.url}/config.json")
    assert len(proxy.seen) == 1
    assert message in caught.value.message
    assert caught.value.hint


def test_nobody_listens(server: BlobServer):
    with BlobServer({}) as gone:
        url = gone.url
    pauses = Pauses()
    with pytest.raises(Transient, match=f"`{url}/x` can not be reached: Connection refused"):
        read(f"{url}/x", pauses)
    assert pauses.seconds == [0.5, 1.0, 2.0, 4.0]


def test_a_name_that_nobody_knows_is_not_asked_for_again():
    pauses = Pauses()
    with pytest.raises(NetworkProblem, match="can not be reached: nobody knows the host"):
        client(pauses=pauses).read("https://no-such-host.invalid/x", max_bytes=1)


def test_a_retry_after_may_be_a_date(server: BlobServer):
    pauses = Pauses()
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    with FaultProxy(server.url, [Fault(status=503, retry_after=date), Fault(status=503, retry_after="soon")]) as proxy:
        read(f"{proxy.url}/config.json", pauses)
    assert pauses.seconds[0] == pytest.approx(30, abs=2)
    assert pauses.seconds[1] == 1.0


@given(st.text(st.characters(max_codepoint=255), max_size=40))
@example("Fri, 31 Dec 9999 23:59:59 +2300")
@example("99999999999999999999")
@example("-5")
def test_whatever_a_server_asks_for_is_a_time_or_nothing(text: str):
    seconds = _seconds_to_wait(text)
    assert seconds is None or seconds >= 0


def test_pauses_grow_have_a_limit_and_differ():
    slept: list[float] = []
    chances = iter([0.0, 1.0] * 10)
    retries = Retries(tries=9, sleep=slept.append, chance=lambda: next(chances))

    def never() -> None:
        raise Transient("no")

    with pytest.raises(Transient):
        retries.run(never)
    assert slept == [0.25, 1.0, 1.0, 4.0, 4.0, 16.0, 10.0, 20.0]


def test_a_network_that_is_switched_off_is_not_tried(server: BlobServer):
    pauses = Pauses()
    with network_guard(offline=True), pytest.raises(NetworkProblem, match="the network is switched off"):
        read(f"{server.url}/config.json", pauses)
    assert server.seen == []
    assert pauses.seconds == []


def opens(data: bytes, times: list[int]) -> Upload:
    @contextmanager
    def open_it() -> Iterator[io.BytesIO]:
        times.append(1)
        yield io.BytesIO(data)

    return Upload(open_it, len(data))


def test_an_upload_is_read_again_for_each_try(server: BlobServer):
    data = b"weights" * 50_000
    times: list[int] = []
    with FaultProxy(server.url, [Fault(status=503), None, Fault(hang_up=True)]) as proxy:
        asking = client()
        answer = asking.send(Request("PUT", f"{proxy.url}/blob", {"If-None-Match": "*"}, opens(data, times)))
        assert answer.status == 201
        assert answer.content == b"made"
        assert answer.headers["location"] == "/blob"
        assert server.files["/blob"] == data
        assert len(times) == 2
        assert server.seen[-1].headers["If-None-Match"] == "*"
        assert server.seen[-1].headers["Content-Length"] == str(len(data))
        assert asking.send(Request("DELETE", f"{proxy.url}/blob")).status == 204
        assert asking.send(Request("HEAD", f"{proxy.url}/blob")).status == 404


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_can_not_be_asked_twice_is_not(server: BlobServer, method: str):
    with FaultProxy(server.url, [Fault(status=503)]) as proxy:
        asking = client()
        request = Request(method, f"{proxy.url}/session", body=b"chunk")  # type: ignore[arg-type]
        with pytest.raises(Transient):
            asking.send(request)
        assert asking.send(request).status == 201
    assert server.files["/session"] == b"chunk"


def test_a_challenge_is_kept_for_whoever_can_answer_it():
    with BlobServer({"/x": b"1"}, wants="Bearer abc") as server:
        asking = client()
        with pytest.raises(Denied) as caught:
            asking.read(f"{server.url}/x", max_bytes=9)
        assert caught.value.challenge == 'Basic realm="here"'
        assert caught.value.status == 401
        wrong = asking.with_credential(Credential.bearer(Origin.of(server.url), "abd"))
        with pytest.raises(Denied, match="may not be used with these credentials"):
            wrong.read(f"{server.url}/x", max_bytes=9)
        right = wrong.with_credential(Credential.bearer(Origin.of(server.url), "abc"))
        assert right.read(f"{server.url}/x", max_bytes=9) == Document(b"1", '"6b86b273ff34fce1"')


def test_credentials_stay_with_their_server(server: BlobServer):
    with FaultProxy(server.url, [Fault(redirect=f"{server.url}/config.json?signed=1"), None]) as proxy:
        asking = client(Credential.bearer(Origin.of(proxy.url), CANARY))
        assert isinstance(asking.read(f"{proxy.url}/config.json", max_bytes=4096), Document)
        assert isinstance(asking.read(f"{proxy.url}/config.json", max_bytes=4096), Document)
    assert [seen.headers.get("Authorization") for seen in proxy.seen] == [f"Bearer {CANARY}"] * 2
    # the one that was moved there came without, the one that the proxy passed on came with it
    assert [seen.headers.get("Authorization") for seen in server.seen] == [None, f"Bearer {CANARY}"]


def test_a_way_back_gets_its_credentials_again(server: BlobServer):
    with FaultProxy(server.url) as there, FaultProxy(server.url) as here:
        here.faults.append(Fault(redirect=f"{there.url}/config.json"))
        there.faults.append(Fault(redirect=f"{here.url}/config.json"))
        asking = client(Credential.bearer(Origin.of(here.url), CANARY))
        assert isinstance(asking.read(f"{here.url}/config.json", max_bytes=4096), Document)
    assert [seen.headers.get("Authorization") for seen in here.seen] == [f"Bearer {CANARY}"] * 2
    assert [seen.headers.get("Authorization") for seen in there.seen] == [None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_relative_redirect_is_followed_when_reading(server: BlobServer, status: int):
    server.files["/new"] = b"moved here"
    with FaultProxy(server.url, [Fault(redirect="../new#part", redirect_status=status)]) as proxy:
        assert isinstance(client().read(f"{proxy.url}/a/old", max_bytes=99), Document)
    assert proxy.seen[-1].path == "/new"


def test_a_changed_request_is_not_sent_elsewhere(server: BlobServer):
    with FaultProxy(server.url) as proxy:
        proxy.faults.extend([Fault(redirect="/b", redirect_status=307), None])
        assert client().send(Request("PUT", f"{proxy.url}/a", body=b"x")).status == 201
        assert server.files == {"/config.json": BODY, "/b": b"x"}
        proxy.faults.append(Fault(redirect="/c", redirect_status=302))
        with pytest.raises(NetworkProblem, match="answered HTTP 302, expected an answer to PUT"):
            client().send(Request("PUT", f"{proxy.url}/a", body=b"x"))


BAD_WAYS = {
    "in circles": ("/config.json", NetworkProblem, "was moved more than 5 times in a row"),
    "no web address": ("file:///etc/passwd", NetworkProblem, "was moved to `file:///etc/passwd`, which is no usable"),
    "a password": (f"http://me:{CANARY}@127.0.0.1/x", NetworkProblem, "moved to `http://127.0.0.1/x`, which is no us"),
    "plain elsewhere": ("http://192.0.2.1/x?a=b", Refused, "`http://192.0.2.1/x?...` is asked without encryption"),
    "not a number": ("http://[::1", NetworkProblem, "which is no usable address"),
}


@pytest.mark.parametrize(("way", "error", "message"), BAD_WAYS.values(), ids=list(BAD_WAYS))
def test_a_bad_way_is_not_gone(server: BlobServer, way: str, error: type[MivaError], message: str):
    with FaultProxy(server.url, always=Fault(redirect=way)) as proxy, pytest.raises(error) as caught:
        client(Credential.bearer(Origin.of(proxy.url), CANARY)).read(f"{proxy.url}/config.json", max_bytes=9)
    assert message in caught.value.message
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "fault",
    [*PASSING.values(), *(fault for fault, _, _ in LASTING.values()), Fault(redirect=f"/?{CANARY}")],
    ids=lambda fault: str(fault)[6:40],
)
def test_no_error_holds_a_secret(server: BlobServer, fault: Fault):
    with FaultProxy(server.url, always=fault) as proxy:
        credential = Credential.basic(Origin.of(proxy.url), "me", CANARY)
        asking = client(credential, patience=patience_for(fault))
        with pytest.raises(MivaError) as caught:
            asking.read(f"{proxy.url}/config.json?token={CANARY}", max_bytes=9)
    whole = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert CANARY not in whole
    assert credential.authorization not in whole


def test_the_client_costs_nothing_before_the_first_request():
    story = (
        "import sys, mivactl.transfer.fetch, mivactl.transfer.client as c; c.HttpClient()\n"
        "print([name for name in ('urllib3', 'torch', 'numpy', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", story], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

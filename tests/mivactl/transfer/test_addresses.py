"""Which addresses are asked, and that no message shows what is secret in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mivactl.transfer.address import Origin, require_safe, shown_url
from mivactl.transfer.credential import Credential
from registry_schema.errors import Refused, UsageProblem
from tests.mivactl.transfer.network import CANARY


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.org/a", "https://example.org"),
        ("https://example.org:443/a", "https://example.org"),
        ("https://example.org:8443", "https://example.org:8443"),
        ("http://[::1]:80/x", "http://[::1]"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str):
    assert str(Origin.of(url)) == origin


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"])
def test_this_machine_is_asked_without_encryption(host: str):
    assert require_safe(f"http://{host}:8000/x", insecure=False).is_loopback


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "128.0.0.1", "0.0.0.1", "127.1", "[::2]"])
def test_another_machine_is_not(host: str):
    with pytest.raises(Refused, match="is asked without encryption, expected `https`") as caught:
        require_safe(f"http://{host}/x", insecure=False)
    assert "insecure = true" in str(caught.value.hint)
    require_safe(f"http://{host}/x", insecure=True)
    require_safe(f"https://{host}/x", insecure=False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/x", "`ftp://example.org/x` is no address of a web server, expected `https://host/path`"),
        ("file:///etc/passwd", "`file:///etc/passwd` is no address of a web server, expected `https://host/path`"),
        ("https:///x", "`https:///x` is no address of a web server, expected `https://host/path`"),
        ("https://example.org:99999/", "`https://example.org:99999/` is no address of a web server, "
                                       "expected `https://host/path`"),
        ("https://[::1/", "`https://...` is no address of a web server, expected `https://host/path`"),
        ("https://me:secret@example.org/x", "address `https://example.org/x` has a user or a password in it, "
                                            "expected none"),
        ("https://example.org/a b", "address `https://example.org/a b` has blanks or other characters that must be "
                                    "written as `%` and two digits"),
        ("https://example.org/a\nHost: x", "address `https://example.org/a\\nHost: x` has blanks or other characters "
                                           "that must be written as `%` and two digits"),
    ],
)  # fmt: skip
def test_what_is_no_address_says_why(url: str, message: str):
    with pytest.raises(UsageProblem) as caught:
        Origin.of(url)
    assert caught.value.message == message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://example.org/a/b.bin", "https://example.org/a/b.bin"),
        ("https://u:p@example.org:8/x", "https://example.org:8/x"),
        ("https://u:p@w@example.org/x", "https://example.org/x"),
        ("https://u:p/w@example.org/x", "https://..."),
        ("https://u:8/w@example.org/x", "https://..."),
        ("https://u:p?w@example.org/x", "https://..."),
        ("https://u:8?w@example.org/x", "https://..."),
        ("https://u:p@w/w@example.org/x", "https://..."),
        ("//u:p@example.org/x", "//example.org/x"),
        ("u:p@example.org", "example.org"),
        ("https://example.org/x?token=p#u", "https://example.org/x?..."),
        ("https://example.org/@scope/x", "https://example.org/@scope/x"),
        ("https://example.org/\x1b[31mred", "https://example.org/\\x1b[31mred"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, text: str):
    assert shown_url(url) == text


password = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)


@given(before=password, after=password, query=st.text(max_size=8))
def test_no_password_is_ever_shown(before: str, after: str, query: str):
    url = f"https://me:{before}{CANARY}{after}@example.org/path?{query}{CANARY}"
    assert CANARY not in shown_url(url)
    said = ""
    try:
        Origin.of(url)
    except UsageProblem as error:
        said = f"{error.message} {error.hint} {error!r}"
    assert CANARY not in said


def test_a_credential_never_prints_itself():
    origin = Origin.of("https://example.org")
    for credential in (Credential.bearer(origin, CANARY), Credential.basic(origin, "me", CANARY)):
        assert CANARY not in repr(credential)
        assert credential.authorization[6:] not in repr(credential)


@pytest.mark.parametrize("token", ["", "a\nb", "a\r\nX: y", "ключ"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token: str):
    with pytest.raises(UsageProblem, match="is empty or has characters that no header") as caught:
        Credential.bearer(Origin.of("https://example.org"), token)
    assert not token or token not in f"{caught.value.message} {caught.value.hint}"

"""Tokens: bound to one place, kept where only their owner reads them, and in nothing that is printed or written."""

from __future__ import annotations

import base64
import http.server
import io
import logging
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mivactl.cli.app import COMMANDS
from mivactl.cli.scrubbed_streams import ScrubbedStream
from mivactl.credentials import Credential, Credentials, checked_token, endpoint_of
from mivactl.operations.login import login, logout
from mivactl.scrubber import remember, scrub
from mivactl.session import Session
from registry_schema.errors import AuthProblem, MivaError, NotFound, UsageProblem
from registry_schema.names import RegistryName
from tests.mivactl.world import World, write_draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary-7Yq2Lw9xTz5Rk1Vb"
STORED = "stored-4Hn8Pd3sMc6Gf0Ja"
STUDIO = RegistryName("studio")


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keyring of whoever runs the tests is none of our business."""
    monkeypatch.setattr("mivactl.credentials._keyring", lambda: None)


@pytest.fixture
def kept(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "credentials", {})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://bob:hunter2@host/x", "https://***@host/x"),
        ("GET https://host/x?token=abc&y=1", "GET https://host/x?token=***&y=1"),
        ("{'Authorization': 'Bearer abcdef'}", "{'Authorization': 'Bearer ***'}"),
        ("authorization: Basic Ym9iOnB3", "authorization: Basic ***"),
        ("hf_" + 34 * "a" + " is it", "*** is it"),
        (
            "X-Amz-Signature: y, https://s3/x?X-Amz-Signature=00ff",
            "X-Amz-Signature: y, https://s3/x?X-Amz-Signature=***",
        ),
        ("a bearer of good news", "a bearer of good news"),
        ("mail to bob@host", "mail to bob@host"),
        ("https://host/path@1.0", "https://host/path@1.0"),
    ],
)
def test_what_looks_like_a_secret_is_struck_out(text: str, left: str):
    assert scrub(text) == left
    assert scrub(left) == left


def test_a_known_secret_is_struck_out_as_it_is_and_as_an_address_spells_it():
    remember("päss/wörd+1")
    assert scrub("it was päss/wörd+1, sent as p%C3%A4ss%2Fw%C3%B6rd%2B1") == "it was ***, sent as ***"


def test_everything_that_writes_to_a_stream_is_scrubbed(monkeypatch: pytest.MonkeyPatch):
    remember(CANARY)
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", ScrubbedStream(written))
    print("printed", CANARY, file=sys.stderr)  # noqa: T201
    log = logging.getLogger("somebody")
    monkeypatch.setattr(log, "handlers", [logging.StreamHandler(sys.stderr)])
    log.warning("logged %s", CANARY)
    sys.stderr.writelines([f"lines {CANARY}\n"])
    assert CANARY not in written.getvalue()
    assert written.getvalue().count("***") == 3


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://Registry.example/a/b", "https://registry.example:443"),
        ("https://registry.example:8443", "https://registry.example:8443"),
        ("http://registry.example", "http://registry.example:80"),
        ("s3://bucket/prefix", "s3://bucket:0"),
    ],
)
def test_a_place_is_scheme_host_and_port(url: str, endpoint: str):
    assert endpoint_of(url) == endpoint


def test_a_token_goes_to_its_own_place_only():
    credential = Credential(endpoint_of("https://registry.example"), CANARY)
    assert credential.header_for("https://registry.example/index/x") == {"Authorization": f"Bearer {CANARY}"}
    for other in (
        "http://registry.example/",
        "https://registry.example:444/",
        "https://evil.example/",
        "https://registry.example.evil.example/",
    ):
        assert credential.header_for(other) == {}
    assert CANARY not in f"{credential} {credential!r}"


def test_an_address_with_credentials_is_refused_without_showing_them():
    with pytest.raises(UsageProblem) as caught:
        endpoint_of(f"https://bob:{CANARY}@registry.example/")
    assert CANARY not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("text", ["short", "has blanks in it", 'has"quotes"in', "a" * 5000, "\x1b[31mcolour-red"])
def test_what_is_no_token_is_refused_without_showing_it(text: str):
    with pytest.raises(UsageProblem) as caught:
        checked_token(text)
    assert text not in caught.value.message


def test_the_environment_comes_before_the_file(tmp_path: Path):
    url = "https://registry.example"
    Credentials(tmp_path, {}).keep(Credential(endpoint_of(url), STORED))
    found = Credentials(tmp_path, {}).find(STUDIO, url)
    assert found is not None
    assert found.token == STORED
    found = Credentials(tmp_path, {"MIVACTL_TOKEN_MY_STUDIO": CANARY}).find(RegistryName("my-studio"), url)
    assert found is not None
    assert found.token == CANARY
    assert Credentials(tmp_path, {}).find(STUDIO, "https://registry.example:8443") is None


def test_tokens_lie_where_only_their_owner_reads_them(kept: Credentials, tmp_path: Path):
    for port in (1, 2):
        kept.keep(Credential(f"https://registry.example:{port}", f"{STORED}{port}"))
    file = tmp_path / "credentials" / "tokens.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert kept.drop("https://registry.example:1")
    assert not kept.drop("https://registry.example:1")
    assert "registry.example:2" in file.read_text()
    file.chmod(0o644)
    with pytest.raises(MivaError, match="others may read your tokens"):
        kept.find(STUDIO, "https://registry.example:2")


def test_a_damaged_file_is_not_quoted(kept: Credentials, tmp_path: Path):
    kept.keep(Credential("https://registry.example:1", STORED))
    file = tmp_path / "credentials" / "tokens.toml"
    file.write_text(f"token = {STORED}\n")
    with pytest.raises(MivaError) as caught:
        kept.find(STUDIO, "https://registry.example:1")
    assert caught.value.exit_code == 5
    chain = [caught.value, caught.value.__cause__]
    assert all(STORED not in str(error) for error in chain)
    assert caught.value.__context__ is None or STORED not in str(caught.value.__context__)


def test_a_keyring_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch, kept: Credentials, tmp_path: Path):
    import keyring
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 5
        passwords: dict[tuple[str, str], str] = {}  # noqa: RUF012

        def get_password(self, service: str, username: str) -> str | None:
            return self.passwords.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.passwords[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.passwords[service, username]

    monkeypatch.undo()
    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        assert kept.keep(Credential("https://registry.example:443", STORED)) == "the system's keyring"
        assert not (tmp_path / "credentials" / "tokens.toml").exists()
        found = kept.find(STUDIO, "https://registry.example")
        assert found is not None
        assert found.token == STORED
        assert kept.drop("https://registry.example")
        assert kept.find(STUDIO, "https://registry.example") is None
    finally:
        keyring.set_keyring(before)


class _Door(http.server.BaseHTTPRequestHandler):
    """Lets those in who bring the right token."""

    def do_GET(self) -> None:
        right = self.headers["Authorization"] == f"Bearer {CANARY}"
        self.send_response(200 if right else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def door() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class WebRegistry:
    """A registry that asks a real server about tokens."""

    name = STUDIO

    def __init__(self, url: str) -> None:
        self.url = url

    def check_token(self, credential: Credential) -> None:
        request = urllib.request.Request(self.url, headers=credential.header_for(self.url))  # noqa: S310
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()
            raise AuthProblem(f"registry `{self.name}` does not take the token") from None


def test_a_token_is_kept_only_when_the_registry_takes_it(world: World, monkeypatch: pytest.MonkeyPatch):
    session = world.session()
    with door() as url:
        monkeypatch.setattr(Session, "registry", lambda _, name: WebRegistry(url))
        with pytest.raises(AuthProblem):
            login(WebRegistry(url), "wrong-token-of-somebody", session)
        assert not (world.home / "credentials").exists()
        with pytest.raises(NotFound, match="no token is kept"):
            logout(STUDIO, session)
        done = login(WebRegistry(url), f"{CANARY}\n", session)
        assert done.endpoint == url
        assert logout(STUDIO, session).endpoint == url
        assert session.credentials.find(STUDIO, url) is None


def test_the_commands_read_the_token_from_stdin(world: World, monkeypatch: pytest.MonkeyPatch):
    with door() as url:
        monkeypatch.setattr(Session, "registry", lambda _, name: WebRegistry(url))
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{CANARY}\n"))
        said = world.ok("login", "studio")
        assert said.out.startswith(f"logged in to studio ({url}); the token is in {world.home}")
        assert CANARY not in said.out + said.err
        monkeypatch.setattr(sys, "stdin", io.StringIO("wrong-token-of-somebody\n"))
        assert world.mivactl("login", "studio").exit_code == 7
        world.ok("logout", "studio")


def test_a_folder_needs_no_token(world: World):
    world.publish()
    said = world.mivactl("login", "local")
    assert said.exit_code == 2
    assert "which needs no token" in said.err
    assert world.mivactl("logout", "local").exit_code == 2


def test_a_token_on_the_command_line_is_refused_and_not_repeated(world: World):
    said = world.mivactl("login", "local", "argv-5Jd8Kq2mXw7", "-vvv")
    assert said.exit_code == 2
    assert "seen by everybody" in said.err
    assert "argv-5Jd8Kq2mXw7" not in said.err + said.out


# One forced error, or one success, for every command; each is also asked in a way that no command understands.
EVERY_COMMAND = {command.name: command.name.split() for command in COMMANDS}
ARGUMENTS: dict[str, list[str]] = {
    "animate": [CANARY, "--use", "waterfall"],
    "replay": [CANARY],
    "demo": ["--base", CANARY],
    "clips": [CANARY],
    "camera": [CANARY, "--motion", CANARY, "--out", f"/nowhere/{CANARY}"],
    "train": [CANARY, "--name", "my/x"],
    "compose": ["waterfall", "--base", CANARY],
    "bench": [CANARY],
    "install": ["my/waterfall", "--base", CANARY],
    "uninstall": [f"my/x@{CANARY}"],
    "search": [CANARY],
    "info": [f"studio::my/{CANARY}"],
    "why": ["my/waterfall", "--base", CANARY],
    "publish": [CANARY],
    "import": [CANARY],
    "export": ["my/waterfall", "--motion-lora", f"/nowhere/{CANARY}.safetensors"],
    "registry add": ["x", CANARY],
    "registry remove": ["nobody"],
    "registry sign": [CANARY],
    "registry advise": [CANARY, "sha256:0", "--kind", CANARY, "--reason", CANARY],
    "login": ["local", CANARY],
    "logout": [CANARY],
    "keys new": [CANARY],
    "keys trust": ["my", CANARY],
    "keys forget": [CANARY],
    "keys rotate": [CANARY],
    "base fetch": [CANARY],
    "base add": [CANARY, "--from", CANARY],
    "base remove": [CANARY],
    "base verify": [CANARY],
}


@pytest.mark.parametrize("mode", [("-vvv",), ("--json", "-vvv"), ("--no-such-switch", f"--other={CANARY}")])
def test_no_command_prints_or_writes_a_token(world: World, monkeypatch: pytest.MonkeyPatch, mode: tuple[str, ...]):
    """`MIVACTL_TOKEN_*` in the environment, and the same word in every place of a command line."""
    monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", CANARY)
    world.publish()
    refused = 0
    for name, words in EVERY_COMMAND.items():
        said = world.mivactl(*words, *ARGUMENTS.get(name, []), *mode)
        refused += said.exit_code != 0
        assert CANARY not in said.out, name
        assert CANARY not in said.err, name
    assert refused > len(EVERY_COMMAND) / 2
    assert not files_with(world, CANARY)


def test_an_error_nobody_expected_is_scrubbed_with_its_traceback(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", CANARY)

    def fail(*_: object, **__: object) -> None:
        try:
            raise ValueError(f"https://bob:{CANARY}@host \x1b[31m")
        except ValueError as error:
            raise KeyError(CANARY) from error

    monkeypatch.setattr("mivactl.operations.list_installed.list_installed", fail)
    said = world.mivactl("list", "-vvv")
    assert said.exit_code == 1
    assert "Traceback" in said.err
    assert CANARY not in said.err
    assert "\x1b" not in said.err


def test_nothing_a_run_leaves_behind_has_the_token(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", CANARY)
    world.publish()
    world.ok("install", "my/waterfall")
    world.ok("keys", "list")
    world.ok("verify")
    assert not files_with(world, CANARY)


def files_with(world: World, secret: str) -> list[Path]:
    spellings = (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="))
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    return [path for path in files if any(spelling in path.read_bytes() for spelling in spellings)]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("README.md", "# x\nuse hf_" + 34 * "b" + "\n", "`README.md` holds a Hugging Face token in line 2"),
        ("recipe.toml", 'key = "AKIAABCDEFGHIJKLMNOP"\n', "`recipe.toml` holds an AWS access key in line 1"),
        ("LICENSE", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "`LICENSE` holds a private key in line 1"),
        ("README.md", f"{CANARY}\n", "`README.md` holds a token of yours in line 1"),
    ],
)
def test_a_draft_with_a_token_is_not_published(
    world: World, monkeypatch: pytest.MonkeyPatch, file: str, content: str, message: str
):
    monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", CANARY)
    draft = write_draft(world.folder / "draft")
    (draft / file).write_text(content)
    said = world.mivactl("publish", draft)
    assert said.exit_code == 9
    assert message in said.err
    assert CANARY not in said.err
    assert not (world.home / "registry" / "index").exists()


def test_a_token_in_what_people_read_is_not_published(world: World):
    draft = write_draft(world.folder / "draft", summary="made with ghp_" + 36 * "c")
    said = world.mivactl("publish", draft)
    assert said.exit_code == 9
    assert "`miva.json` holds a GitHub token" in said.err


def test_a_file_that_names_the_home_folder_is_told(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    draft = write_draft(world.folder / "draft")
    (draft / "recipe.toml").write_text('clips = "/home/somebody/private/clips"\n')
    assert "`recipe.toml` names your home folder `/home/somebody`" in world.ok("publish", draft).err

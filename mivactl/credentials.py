"""Tokens for registries: each belongs to one scheme, host and port, and goes nowhere else.

Looked for in `MIVACTL_TOKEN_<REGISTRY>`, then in the system's keyring where the extra `keyring` is installed, then in
`credentials/tokens.toml`, which only its owner can read.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mivactl.disk import disk_errors, write_durably
from mivactl.file_lock import locked
from mivactl.scrubber import HIDDEN, SHORTEST_SECRET, remember
from registry_schema.errors import IntegrityProblem, Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from registry_schema.names import RegistryName

_PORTS: Final = {"http": 80, "https": 443}
_TOKEN: Final = re.compile(rf"[!-~]{{{SHORTEST_SECRET},4096}}")
_FILE_BYTES_MAX: Final = 1 << 20
_SERVICE: Final = "mivactl"
_OTHERS: Final = 0o077


@dataclass(frozen=True)
class Credential:
    """A token and the one place it is for; it does not print itself."""

    endpoint: str
    token: str = field(repr=False)

    def header_for(self, url: str) -> dict[str, str]:
        """The header that shows the token to `url`; nothing when that is another place."""
        return {"Authorization": f"Bearer {self.token}"} if endpoint_of(url) == self.endpoint else {}

    def __str__(self) -> str:
        return f"{HIDDEN} for {self.endpoint}"


def endpoint_of(url: str) -> str:
    """Scheme, host and port of an address, `https://registry.example:443`.

    Raises:
        UsageProblem: an address without a host, or with credentials in it.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not parts.scheme or not host:
        raise UsageProblem("an address without a host has no token", hint="give one such as `https://registry.example`")
    if parts.username is not None or parts.password is not None:
        raise UsageProblem(
            f"the address of `{host}` has credentials in it", hint="leave them out, and run `mivactl login REGISTRY`"
        )
    port = port or _PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{host}:{port}"


def checked_token(text: str) -> str:
    """A token as a person pasted it, without blanks around it; from now on it is struck out of all output.

    Raises:
        UsageProblem: too short, too long, or not printable ASCII; the message does not show it.
    """
    token = text.strip()
    if not _TOKEN.fullmatch(token) or set(token) & set("\"'\\"):
        raise UsageProblem(
            f"that is not a token, expected {SHORTEST_SECRET} to 4096 printable characters without quotes and blanks",
            hint="copy it once more from where it was made",
        )
    remember(token)
    return token


def variable_of(registry: RegistryName) -> str:
    """The environment variable for the token of a registry, `MIVACTL_TOKEN_STUDIO`."""
    return f"MIVACTL_TOKEN_{registry.upper().replace('-', '_')}"


class Credentials:
    """The tokens of one person.

    Args:
        folder: where `tokens.toml` is, or will be.
        environment: the process environment.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, lock_timeout: float = 60.0) -> None:
        self._folder = folder
        self._environment = environment
        self._lock_timeout = lock_timeout

    def find(self, registry: RegistryName, url: str) -> Credential | None:
        """The token to show to the registry at `url`; None when there is none.

        Raises:
            UsageProblem: a token that can not be one, or an address with credentials in it.
            Refused: others may read the file with the tokens.
        """
        endpoint = endpoint_of(url)
        found = self._environment.get(variable_of(registry)) or _from_keyring(endpoint) or self._read().get(endpoint)
        return None if found is None else Credential(endpoint, checked_token(found))

    def remember_kept(self) -> None:
        """From now on every token in the file is struck out of all output."""
        for token in self._read().values():
            remember(token)

    def keep(self, credential: Credential) -> str:
        """Keep a token for later runs; where it went, in words."""
        keyring = _keyring()
        if keyring is not None:
            keyring.set_password(_SERVICE, credential.endpoint, credential.token)
            return "the system's keyring"
        with self._changing():
            self._write({**self._read(), credential.endpoint: credential.token})
        return str(self._file)

    def drop(self, url: str) -> bool:
        """Forget the token for `url`; whether there was one."""
        endpoint = endpoint_of(url)
        keyring = _keyring()
        dropped = keyring is not None and _from_keyring(endpoint) is not None
        if dropped and keyring is not None:
            keyring.delete_password(_SERVICE, endpoint)
        with self._changing():
            tokens = self._read()
            if endpoint in tokens:
                self._write({place: token for place, token in tokens.items() if place != endpoint})
                dropped = True
        return dropped

    @property
    def _file(self) -> Path:
        return self._folder / "tokens.toml"

    def _read(self) -> dict[str, str]:
        import tomllib

        try:
            descriptor = os.open(self._file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_BYTES_MAX)
        if os.name != "nt" and mode & _OTHERS:
            raise Refused(f"others may read your tokens in `{self._file}`", hint=f"run `chmod 600 {self._file}`")
        try:
            tables = tomllib.loads(content.decode())
            return {endpoint: str(table["token"]) for endpoint, table in tables.items()}
        except (ValueError, KeyError, TypeError):
            # the reader's own words may quote the file, which is secret
            problem = IntegrityProblem(f"`{self._file}` can not be read", hint="remove it, and log in again")
        raise problem

    def _write(self, tokens: Mapping[str, str]) -> None:
        lines = [
            f"[{json.dumps(endpoint)}]\ntoken = {json.dumps(token)}\n" for endpoint, token in sorted(tokens.items())
        ]
        with disk_errors(self._file):
            write_durably(self._file, "\n".join(lines).encode(), mode=0o600)

    def _changing(self) -> Any:  # noqa: ANN401 - a context manager
        with disk_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
        return locked(self._folder / "lock", resource="the file with your tokens", timeout_seconds=self._lock_timeout)


def _from_keyring(endpoint: str) -> str | None:
    keyring = _keyring()
    found = None if keyring is None else keyring.get_password(_SERVICE, endpoint)
    return None if found is None else str(found)


def _keyring() -> Any:  # noqa: ANN401 - an optional library
    """The library `keyring`, where it is installed and finds a keyring to be trusted; else None."""
    try:
        import keyring
    except ImportError:
        return None
    return keyring if keyring.get_keyring().priority >= 1 else None

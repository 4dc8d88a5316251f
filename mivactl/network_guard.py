"""The offline switch: while it is on, every attempt to use the network raises `NetworkProblem`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from registry_schema.errors import NetworkProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

_NETWORK_EVENTS: Final = frozenset(
    {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
)


class _Guard:
    """What the audit hook looks at; a hook can not be taken away again, so it is installed once and asks here."""

    installed = False
    depth = 0

    @classmethod
    def install(cls) -> None:
        if not cls.installed:
            sys.addaudithook(cls.judge)
            cls.installed = True

    @classmethod
    def judge(cls, event: str, arguments: tuple[object, ...]) -> None:
        if cls.depth and event in _NETWORK_EVENTS and not _stays_on_this_machine(event, arguments):
            raise NetworkProblem(
                f"the network is switched off, and something asked for `{_target(event, arguments)}`",
                hint="leave out `--offline` and unset `MIVACTL_OFFLINE` to allow it",
            )


def _stays_on_this_machine(event: str, arguments: tuple[object, ...]) -> bool:
    """Unix sockets are addressed by a path: they connect processes, not machines."""
    return event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and isinstance(
        arguments[-1], str | bytes | None
    )


def _target(event: str, arguments: tuple[object, ...]) -> str:
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        return str(arguments[0])
    address = arguments[-1]
    return ":".join(str(part) for part in address[:2]) if isinstance(address, tuple) else str(address)


@contextmanager
def network_guard(*, offline: bool) -> Iterator[None]:
    """While inside, and if `offline`: no connection, no datagram and no name lookup leaves this process.

    An audit hook sees what the C library is asked for, so libraries that kept their own reference to
    `socket.connect` are held as well.
    """
    if not offline:
        yield
        return
    _Guard.install()
    _Guard.depth += 1
    try:
        yield
    finally:
        _Guard.depth -= 1

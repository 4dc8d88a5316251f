"""`Request`: what is asked of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from typing import BinaryIO

Method = Literal["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True)
class Upload:
    """A body that is read while it is sent; `open` starts it anew for every try."""

    open: Callable[[], AbstractContextManager[BinaryIO]]
    size_bytes: int


@dataclass(frozen=True)
class Request:
    """What is asked; `headers` have no credentials in them, those are the client's."""

    method: Method
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Upload | None = None

    @property
    def is_idempotent(self) -> bool:
        """Whether asking twice is like asking once (RFC 9110, 9.2.2)."""
        return self.method in _IDEMPOTENT

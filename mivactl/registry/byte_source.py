"""`ByteSource`: named files under one address, which is all that the static layout asks of a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.content import Content

Token = NewType("Token", str)


class SourceChanged(Exception):
    """A file is not what it was when it was read: read it again and decide again."""


@dataclass(frozen=True)
class Stored:
    """The content of a file, and a token that stands for exactly this content."""

    content: bytes
    token: Token


class ByteSource(Protocol):
    """Files by path, `index/my/waterfall.jsonl`; nothing it hands out has been checked."""

    @property
    def place(self) -> str:
        """Where it is: a folder or an address without credentials."""

    @property
    def resumes(self) -> bool:
        """Whether `open` starts anywhere at no cost."""

    def read(self, path: str, *, max_bytes: int) -> Stored | None:
        """A small file, or None where there is none; one byte more than allowed is enough to refuse it."""

    def open(self, path: str, *, offset_bytes: int = 0) -> AbstractContextManager[BinaryIO]:
        """The bytes of a file from `offset_bytes` on; raises `FileNotFoundError`."""


class ListingSource(ByteSource, Protocol):
    """A source that knows its files."""

    def paths(self, folder: str) -> Iterator[str]:
        """All paths below `folder`."""


class WritableSource(ByteSource, Protocol):
    """A source that takes files."""

    @property
    def compares(self) -> bool:
        """Whether `replace` and `create` can never overwrite what another process wrote meanwhile."""

    def holds(self, path: str, size_bytes: int) -> bool:
        """Whether a file of this size is there."""

    def create(self, path: str, content: Content, file: Path) -> None:
        """Put an immutable file in place whole; where it is there already, nothing happens.

        Raises:
            IntegrityProblem: `file` is not what `content` says.
        """

    def replace(self, path: str, content: bytes, *, over: Token | None) -> None:
        """Put a small file in place of the one that `over` stands for, or of none.

        Raises:
            SourceChanged: another one is there.
        """

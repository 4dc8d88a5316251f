"""How the files of any registry come: straight from a folder, or over a network in as many pieces as it takes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.content import chunks_of
from mivactl.registry.directory import DirectoryRegistry
from mivactl.registry.registry import RemoteRegistry
from mivactl.transfer.ranged_source import RangedStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.content import Content
    from mivactl.registry.registry import Registry
    from mivactl.transfer.ranged_source import RangedSource


def is_on_this_machine(registry: Registry) -> bool:
    """Whether files of a registry are copied at once, with nothing to go on with later."""
    return isinstance(registry, DirectoryRegistry)


def ranged_source(registry: Registry, content: Content) -> RangedSource:
    """One file of a registry, in as many pieces as it takes.

    Raises:
        NetworkProblem: there is no network.
    """
    return registry.ranged(content) if isinstance(registry, RemoteRegistry) else _Opened(registry, content)


@dataclass(frozen=True)
class _Opened:
    """A file of a registry that can be opened anywhere."""

    registry: Registry
    content: Content

    @property
    def place(self) -> str:
        """See `RangedSource`."""
        return f"{self.registry.place}: {self.content.label}"

    @contextmanager
    def open(self, offset: int, etag: str | None) -> Iterator[RangedStream]:
        """See `RangedSource`; nobody says which tag a file has, the digest decides in the end."""
        with self.registry.open_file(self.content, offset_bytes=offset) as file:
            yield RangedStream(chunks_of(file), offset, None, etag)

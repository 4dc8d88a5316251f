"""Bring the files of builds that come over a network; what was cut goes on where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.operations.header_check import check_header
from mivactl.registry.ranged import is_on_this_machine, ranged_source
from mivactl.transfer.fetch import Download, fetch_all
from mivactl.transfer.parts import PartFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mivactl.content import Content
    from mivactl.engine_bridge import Progress
    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from mivactl.store.transaction import Transaction
    from registry_schema.digests import Digest
    from registry_schema.manifest import Manifest


def missing_downloads(
    registry: Registry, manifest: Manifest, contents: Iterable[Content], change: Transaction
) -> Iterator[Download]:
    """The files of a build that the store lacks and that come over a network; none for a registry on this machine.

    Raises:
        IntegrityProblem: the header of the weights is broken or hostile; nothing behind it was read.
    """
    if is_on_this_machine(registry):
        return
    for content in contents:
        if not change.has(content):
            if content.digest == manifest.weights.digest:
                with registry.open_file(content) as file:
                    check_header(file, manifest, label=content.label)
            yield Download(content, ranged_source(registry, content))


def download(downloads: Iterable[Download], session: Session, progress: Progress) -> Mapping[Digest, Path]:
    """The complete files by digest, beside the store; `forget_downloads` when the store has them.

    Raises:
        NetworkProblem: they did not come; what came is kept for the next try.
        IntegrityProblem, NotFound, AuthProblem, Refused, ResourceProblem, Incomplete: as `fetch_all`.
    """
    wanted = {download.content.digest: download for download in downloads}
    if not wanted:
        return {}
    paths = fetch_all(tuple(wanted.values()), PartFolder(session.store.layout.parts), progress=progress)
    return dict(zip(wanted, paths, strict=True))


def forget_downloads(arrived: Mapping[Digest, Path], session: Session) -> None:
    """Remove what the store has now, and what nobody went on with for a day."""
    for path in arrived.values():
        path.unlink(missing_ok=True)
    if arrived:
        PartFolder(session.store.layout.parts).sweep()

"""Files of the Hub into the folders of the parts they make up, with progress in megabytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.hub import Hub, HubFile

_MEGABYTE: Final = 1_000_000


def download_parts(hub: Hub, listing: Mapping[str, Mapping[str, HubFile]], stage: Path, progress: Progress) -> None:
    """Download `listing[part][name]` to `stage / part / name`; what an earlier attempt left is gone on with.

    Raises:
        Incomplete, NetworkProblem, IntegrityProblem: see `Hub.download`.
    """
    total = sum(file.size_bytes for files in listing.values() for file in files.values())
    with progress.phase("downloading, in MB", -(-total // _MEGABYTE)) as phase:
        came_bytes = 0

        def received(count: int) -> None:
            nonlocal came_bytes
            megabytes = (came_bytes + count) // _MEGABYTE - came_bytes // _MEGABYTE
            came_bytes += count
            if megabytes:
                phase.advance(megabytes)

        for part, files in listing.items():
            for target, file in files.items():
                hub.download(file, stage / part / target, received=received)

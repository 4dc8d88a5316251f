"""Every path inside the store.

| path | what |
|---|---|
| `blobs/sha256/<2 hex>/<62 hex>` | weights and the other files of builds, read-only |
| `manifests/sha256/<2 hex>/<62 hex>` | exact manifest bytes, read-only |
| `installed/<namespace>/<name>/<version>--<base>[--masked].json` | one pointer per installed build |
| `journal.json` | the last change of the pointers, pending or done |
| `staging/<owner>/` | what a transaction has copied so far |
| `in-use/<owner>/<64 hex>` | files that a running process works with |
| `projects.json` | which manifests the locks of projects name |
| `parts/` | downloads under way, as `mivactl.transfer.parts` has them |
| `verdicts/` | weights found to be finite, by digest; kept by the engine |
| `lock`, `lock.token/` | held by the one process that changes something |

Folders are for their owner alone: `chmod -R go+rX` makes a store one that others may read. Symbolic links below its
root are refused. `<owner>` is a name as `mivactl.ownership` has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.content import content_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_schema.digests import Digest

_DIGITS: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoreLayout:
    """The paths of the store at `root`."""

    root: Path

    @property
    def blobs(self) -> Path:
        """Files of builds."""
        return self.root / "blobs"

    @property
    def manifests(self) -> Path:
        """Manifests of builds."""
        return self.root / "manifests"

    @property
    def installed(self) -> Path:
        """Pointers."""
        return self.root / "installed"

    @property
    def journal(self) -> Path:
        """The last change of the pointers."""
        return self.root / "journal.json"

    @property
    def staging(self) -> Path:
        """Unfinished transactions."""
        return self.root / "staging"

    @property
    def in_use(self) -> Path:
        """What running processes work with."""
        return self.root / "in-use"

    @property
    def projects(self) -> Path:
        """What the locks of projects name."""
        return self.root / "projects.json"

    @property
    def parts(self) -> Path:
        """Downloads under way."""
        return self.root / "parts"

    @property
    def verdicts(self) -> Path:
        """The engine's notes on which weights are finite."""
        return self.root / "verdicts"

    @property
    def lock(self) -> Path:
        """The lock of all changes."""
        return self.root / "lock"

    def contents(self) -> Iterator[Path]:
        """Every file named by its digest; what lies behind a symbolic link is not the store's."""
        for folder in (self.blobs, self.manifests, self.blobs / "sha256", self.manifests / "sha256"):
            if folder.is_symlink():
                return
        for folder in (self.blobs, self.manifests):
            for shelf in _listed(folder / "sha256"):
                files = () if shelf.is_symlink() else _listed(shelf)
                yield from (path for path in files if _DIGITS.fullmatch(f"{shelf.name}{path.name}"))

    def blob(self, digest: Digest) -> Path:
        """Where the file with `digest` lies."""
        return content_path(self.blobs, digest)

    def manifest(self, digest: Digest) -> Path:
        """Where the manifest with `digest` lies."""
        return content_path(self.manifests, digest)


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, sorted; nothing if it is no folder or was removed meanwhile."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []

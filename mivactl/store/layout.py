"""Every path inside the store.

| path | what |
|---|---|
| `blobs/sha256/<2 hex>/<62 hex>` | weights and the other files of builds, read-only |
| `manifests/sha256/<2 hex>/<62 hex>` | exact manifest bytes, read-only |
| `installed/<namespace>/<name>/<version>--<base>[--masked].json` | one pointer per installed build |
| `journal.json` | the last change of the pointers, pending or done |
| `staging/<host>-<process>-<random>/` | what a transaction has copied so far |
| `parts/` | downloads under way, as `mivactl.transfer.parts` has them |
| `verdicts/` | weights found to be finite, by digest; kept by the engine |
| `lock` | held by the one process that changes something |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.content import content_path

if TYPE_CHECKING:
    from pathlib import Path

    from registry_schema.digests import Digest


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

    def blob(self, digest: Digest) -> Path:
        """Where the file with `digest` lies."""
        return content_path(self.blobs, digest)

    def manifest(self, digest: Digest) -> Path:
        """Where the manifest with `digest` lies."""
        return content_path(self.manifests, digest)

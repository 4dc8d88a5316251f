"""What this machine trusts, on the disk: every change replaces one file whole, under a lock, after all checks.

| path | what |
|---|---|
| `publishers.json` | the keys of each namespace |
| `registries/<name>.json` | the newest signed state seen of a registry |
| `registries/<name>.snapshot.json` | the snapshot that belongs to it, as it was signed |
| `registries/<name>.advisories.jsonl` | its advisories, as they were signed |
| `signatures/<64 hex>.sig` | the signatures of an installed manifest, by its digest |
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, write_durably
from mivactl.file_lock import locked
from mivactl.trust.known_state import KnownState
from mivactl.trust.publishers import Publishers
from mivactl.trust.signed_state import Known
from registry_schema.advisories import MAX_ADVISORIES_BYTES, read_advisories
from registry_schema.errors import SchemaError
from registry_schema.names import RegistryName
from registry_schema.signatures import Signatures
from registry_schema.signed_state import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_schema.advisories import Advisory
    from registry_schema.digests import Digest
    from registry_schema.signatures import PublicKey

_ADVISORIES: Final = ".advisories.jsonl"
_SNAPSHOT: Final = ".snapshot.json"


class TrustFolder:
    """The files below `folder`.

    Args:
        lock_timeout: seconds a change waits for another process.
    """

    def __init__(self, folder: Path, *, lock_timeout: float = 60.0) -> None:
        self.folder = folder
        self._lock_timeout = lock_timeout

    def publishers(self) -> Publishers:
        """The keys of each namespace; raises `SchemaError` for a damaged file."""
        path = self.folder / "publishers.json"
        content = _read(path, Publishers.MAX_BYTES)
        return Publishers() if content is None else Publishers.parse(content, source=str(path))

    def trust(self, namespace: str, key: PublicKey) -> None:
        """From now on `key` speaks for `namespace` too."""
        if key not in self.publishers().keys_of(namespace):
            with self.changing():
                self._write("publishers.json", self.publishers().with_key(namespace, key).to_bytes())

    def forget(self, namespace: str) -> None:
        """From now on nobody speaks for `namespace`."""
        with self.changing():
            self._write("publishers.json", self.publishers().without(namespace).to_bytes())

    def known(self, registry: RegistryName) -> Known | None:
        """What was remembered of a registry; raises `SchemaError` for a damaged file."""
        state = self.known_state(registry)
        snapshot = _read(self.folder / "registries" / f"{registry}{_SNAPSHOT}", Snapshot.MAX_BYTES)
        if state is not None and snapshot is None:
            raise SchemaError(
                f"`{self.folder}` has lost the snapshot of registry `{registry}`",
                hint=f"ask its owner whether all is well, then `mivactl registry remove {registry}` and add it again",
            )
        return None if state is None or snapshot is None else Known(state, snapshot)

    def known_state(self, registry: RegistryName) -> KnownState | None:
        """The same without the snapshot, which may be large."""
        path = self.folder / "registries" / f"{registry}.json"
        content = _read(path, KnownState.MAX_BYTES)
        return None if content is None else KnownState.parse(content, source=str(path))

    def remember_state(self, registry: RegistryName, known: Known, advisories: bytes) -> None:
        """Keep a state that passed every check; the caller holds `changing`."""
        # The state goes last: what lies beside an older one has passed the same checks, and only asks for more.
        self._write(f"registries/{registry}{_ADVISORIES}", advisories)
        self._write(f"registries/{registry}{_SNAPSHOT}", known.snapshot)
        self._write(f"registries/{registry}.json", known.state.to_bytes())

    def forget_registry(self, registry: RegistryName) -> None:
        """Start anew with a registry when it is next met."""
        with self.changing(), disk_errors(self.folder):
            for name in (f"{registry}.json", f"{registry}{_SNAPSHOT}", f"{registry}{_ADVISORIES}"):
                (self.folder / "registries" / name).unlink(missing_ok=True)

    def advisories(self) -> dict[RegistryName, tuple[Advisory, ...]]:
        """The advisories of all registries as they were last seen; no registry is asked."""
        found = {}
        for path in sorted((self.folder / "registries").glob(f"*{_ADVISORIES}")):
            content = _read(path, MAX_ADVISORIES_BYTES) or b""
            found[RegistryName(path.name.removesuffix(_ADVISORIES))] = read_advisories(content, source=str(path))
        return found

    def signatures(self, manifest: Digest) -> bytes | None:
        """The signatures an installed manifest came with."""
        return _read(self.folder / "signatures" / f"{manifest.hex}.sig", Signatures.MAX_BYTES)

    def keep_signatures(self, manifest: Digest, signatures: bytes) -> None:
        """Keep the signatures a manifest comes with."""
        self._write(f"signatures/{manifest.hex}.sig", signatures)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While inside, no other process changes what is trusted."""
        resource = f"what this machine trusts, `{self.folder}`,"
        with locked(self.folder / "lock", resource=resource, timeout_seconds=self._lock_timeout):
            yield

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        with disk_errors(path):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(path, content, mode=0o600)


def _read(path: Path, max_bytes: int) -> bytes | None:
    """The content of a file, or None where there is none; one byte more than allowed is enough to refuse it."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None

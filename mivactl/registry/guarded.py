"""`GuardedRegistry`: any registry, and nothing comes out of it but what its owner and the publishers signed.

What is not signed at all comes through when neither the registry nor the publisher has signed before.
"""

from __future__ import annotations

import time
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TypeVar

from mivactl.registry.index_file import attachments_of, lines_of
from mivactl.registry.registry import STARTER
from mivactl.registry.static import catalog_matches, signature_path
from mivactl.trust.publishers import check_publisher
from mivactl.trust.signed_state import Known, OfferedState, Signed, verify_state
from mivactl.trust.state_signing import CHECKPOINT, MAX_ROOTS, ROOT, SNAPSHOT, numbered_root
from registry_schema.advisories import MAX_ADVISORIES_BYTES, read_advisories
from registry_schema.catalog import catalog_line, speaker
from registry_schema.errors import IntegrityProblem, KeyChanged
from registry_schema.signatures import Signatures
from registry_schema.signed_state import ADVISORIES, CATALOG, Checkpoint, Root, Snapshot, StatePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.registry.registry import Capability, Registry, RegistryConfig
    from mivactl.trust.signed_state import VerifiedState
    from mivactl.trust.trust_folder import TrustFolder
    from registry_schema.attachments import Attachment
    from registry_schema.catalog import CatalogRow
    from registry_schema.index import IndexLine
    from registry_schema.manifest import Manifest
    from registry_schema.names import AdapterName, RegistryName
    from registry_schema.signatures import PublicKey
    from registry_schema.text import Timestamp

# An owner replaces several files one after the other; who reads in between looks again.
_LOOKS: Final = 5
_PAUSE_SECONDS: Final = 0.1
Found = TypeVar("Found")


class GuardedRegistry:
    """What `inner` offers, checked against `trust`.

    The registry that comes with mivactl is part of the program, so it needs no signatures.
    """

    def __init__(self, inner: Registry, trust: TrustFolder) -> None:
        self.inner = inner
        self._trust = trust
        self._is_own = inner.name == STARTER
        self._state: VerifiedState | None = None

    @property
    def name(self) -> RegistryName:
        """What the person calls it."""
        return self.inner.name

    @property
    def place(self) -> str:
        """See `Registry`."""
        return self.inner.place

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Registry`."""
        return self.inner.capabilities

    def config(self) -> RegistryConfig:
        """What the registry states about itself.

        Raises:
            KeyChanged: it was signed when it was last seen, and says that it is not.
        """
        return self._config

    @cached_property
    def _config(self) -> RegistryConfig:
        config = self.inner.config()
        if not config.signed and self._trust.known_state(self.name) is not None:
            raise KeyChanged(
                f"registry `{self.name}` was signed, and says now that it is not",
                hint="ask its owner; to start anew with it, `mivactl registry remove` and `registry add` it again",
            )
        return config

    @property
    def is_signed(self) -> bool:
        """Whether its owner signs its state."""
        return not self._is_own and self._config.signed

    def state(self) -> VerifiedState | None:
        """Its signed state, checked and remembered; None for a registry that is not signed.

        Raises:
            IntegrityProblem, Rollback, SnapshotMismatch, MixAndMatch, KeyChanged: it does not hold.
        """
        if self._state is None and self.is_signed:
            self._state = self._settled(self._verified)
        return self._state

    def require_fresh(self, now: Timestamp) -> None:
        """Return unless what is new may be kept from us; raises `Expired`."""
        state = self.state()
        if state is not None:
            state.require_fresh(now)

    def names(self) -> tuple[AdapterName, ...]:
        """All adapters it has, sorted."""
        return self.inner.names()

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """The builds of one adapter in publish order; none if it does not know the name.

        Raises:
            IntegrityProblem: the index file is not valid, or not what was signed.
        """
        if not self.is_signed:
            return self.inner.lines(name)
        path = StatePath.of_index(name)
        content = self._checked_file(path)
        return lines_of(name, content, source=f"{self.inner.place}/{path}")

    def attachments(self, name: AdapterName) -> tuple[Attachment, ...]:
        """What was attached to the builds of one adapter, oldest first; raises as `lines`."""
        if not self.is_signed:
            return self.inner.attachments(name)
        path = StatePath.of_index(name)
        return attachments_of(name, self._checked_file(path), source=f"{self.inner.place}/{path}")

    def manifest(self, line: IndexLine) -> Manifest:
        """The manifest a line points to; its signatures are checked before it is parsed.

        Raises:
            IntegrityProblem: it is missing, is not what the index says, or describes another build.
            KeyChanged: somebody else signed it than those known for its namespace.
        """
        self.publisher(line)
        return self.inner.manifest(line)

    def manifest_bytes(self, line: IndexLine) -> bytes:
        """The same, exactly as published."""
        return self.inner.manifest_bytes(line)

    def open_file(self, content: Content, *, offset_bytes: int = 0) -> AbstractContextManager[BinaryIO]:
        """See `Registry`."""
        return self.inner.open_file(content, offset_bytes=offset_bytes)

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """See `Registry`."""
        return self.inner.read(path, max_bytes=max_bytes)

    def search(self, words: Sequence[str]) -> Iterator[CatalogRow]:
        """See `Registry`; a catalog that is not the one that was signed is made again from the signed index files.

        Whose key a build has decides who may be installed: one stranger's adapter must not stop every search.

        Raises:
            IntegrityProblem: an index file is not what was signed.
        """
        state = self.state()
        if state is None:
            return self.inner.search(words)
        path = StatePath(CATALOG)
        try:
            data = state.signed_part(path, self.inner.read(path, max_bytes=path.max_bytes))
        except IntegrityProblem:
            data = None
        signed = b"".join(self._computed_catalog()) if data is None else data
        return catalog_matches(signed, words, source=f"{self.place}/{CATALOG}")

    def _computed_catalog(self) -> Iterator[bytes]:
        for name in self.names():
            lines = self.lines(name)
            newest = speaker(lines)
            if newest is not None:
                yield catalog_line(lines, self.inner.manifest(newest)).to_bytes()

    def signatures(self, line: IndexLine) -> bytes | None:
        """The signatures beside a manifest."""
        return self.inner.read(signature_path(line.manifest.digest), max_bytes=Signatures.MAX_BYTES)

    def publisher(self, line: IndexLine) -> PublicKey | None:
        """The key that vouches for a build; None when nobody does and nobody has to.

        Raises:
            KeyChanged, IntegrityProblem: as `check_publisher`.
        """
        if self._is_own:
            return None
        manifest = self.inner.manifest_bytes(line)
        return check_publisher(
            line.name, manifest, self.signatures(line), self._trust.publishers(), required=self.is_signed
        )

    def _checked_file(self, path: StatePath) -> bytes | None:
        """A mutable file that is the one in the signed snapshot."""

        def look() -> bytes | None:
            state = self.state()
            content = self.inner.read(path, max_bytes=path.max_bytes)
            return content if state is None else state.signed_part(path, content)

        return self._settled(look)

    def _settled(self, look: Callable[[], Found]) -> Found:
        """What `look` finds, once the registry's files agree with each other."""
        for _ in range(_LOOKS - 1):
            try:
                return look()
            except IntegrityProblem:
                self._state = None
                time.sleep(_PAUSE_SECONDS)
        return look()

    def _verified(self) -> VerifiedState:
        """The state on offer, checked; what is new of it is remembered last."""
        known = self._trust.known(self.name)
        state = self._check(known)
        if known is None or state.known != known.state:
            with self._trust.changing():
                state = self._check(self._trust.known(self.name))
                remembered = Known(state.known, state.snapshot)
                self._trust.remember_state(self.name, remembered, self._advisories(state))
        return state

    def _check(self, known: Known | None) -> VerifiedState:
        offered = offered_state(self.inner, None if known is None else known.state.known_root())
        return verify_state(offered, known, registry=self._config.id, label=f"registry `{self.name}`")

    def _advisories(self, state: VerifiedState) -> bytes:
        content = self.inner.read(ADVISORIES, max_bytes=MAX_ADVISORIES_BYTES)
        signed = state.signed_part(StatePath(ADVISORIES), content) or b""
        read_advisories(signed, source=f"{self.inner.place}/{ADVISORIES}")
        return signed


def offered_state(registry: Registry, known: Root | None) -> OfferedState:
    """The signed documents a registry has, unchecked: the roots after the known one, or the newest alone."""
    if known is None:
        roots = [_signed(registry, ROOT, Root.MAX_BYTES)]
    else:
        later = (_signed(registry, numbered_root(known.version + step), Root.MAX_BYTES) for step in range(1, MAX_ROOTS))
        roots = list(takewhile(lambda root: root is not None, later))
    checkpoint = _signed(registry, CHECKPOINT, Checkpoint.MAX_BYTES)
    snapshot = registry.read(SNAPSHOT, max_bytes=Snapshot.MAX_BYTES)
    if checkpoint is None or snapshot is None:
        raise IntegrityProblem(
            f"registry `{registry.name}` says that it is signed, and its signed state is missing",
            hint="ask its owner to run `mivactl registry sign`",
        )
    return OfferedState([root for root in roots if root is not None], checkpoint, snapshot)


def _signed(registry: Registry, path: str, max_bytes: int) -> Signed | None:
    data = registry.read(path, max_bytes=max_bytes)
    if data is None:
        return None
    return Signed(data, registry.read(f"{path}.sig", max_bytes=Signatures.MAX_BYTES))

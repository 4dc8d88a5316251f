"""`Registry`: what every kind of registry can do, and the facts each one states about itself."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol, runtime_checkable

from pydantic import StringConstraints

from registry_schema.document import Document
from registry_schema.names import RegistryName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.credentials import Credential
    from mivactl.registry.publication import Upload
    from mivactl.transfer.ranged_source import RangedSource
    from registry_schema.attachments import Attachment
    from registry_schema.catalog import CatalogRow
    from registry_schema.digests import Digest
    from registry_schema.index import IndexLine, StatusChange
    from registry_schema.manifest import BuildKey, Manifest
    from registry_schema.names import AdapterName

STARTER: Final = RegistryName("starter")


class Capability(StrEnum):
    """What a kind of registry can do beyond being read."""

    RESUME = "resume"
    SEARCH = "search"
    PUBLISH = "publish"
    STATUS = "status"
    ATTACH = "attach"
    COMPARE_AND_SWAP = "compare-and-swap"
    MIRROR = "mirror"


class RegistryConfig(Document):
    """`config.json` of a registry; `id` is random, so that two registries of one name can be told apart.

    `signed` promises that every manifest is signed by its publisher, and every mutable file by the registry's owner.
    """

    format: Literal[1] = 1
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    name: RegistryName
    signed: bool = False


class Registry(Protocol):
    """A place with adapters. Everything it hands out has been checked against the digests of its index."""

    @property
    def name(self) -> RegistryName:
        """What the person calls it."""

    @property
    def place(self) -> str:
        """Where it is, without credentials."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""

    def config(self) -> RegistryConfig:
        """What the registry states about itself.

        Raises:
            NotFound: there is no registry at its place.
        """

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """A small file beside the index, unchecked; None where there is none, a byte too many for one too long."""

    def names(self) -> tuple[AdapterName, ...]:
        """All adapters it has, sorted."""

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """The builds of one adapter in publish order; none if it does not know the name."""

    def attachments(self, name: AdapterName) -> tuple[Attachment, ...]:
        """What was attached to the builds of one adapter after they were published, oldest first."""

    def manifest(self, line: IndexLine) -> Manifest:
        """The manifest a line points to."""

    def manifest_bytes(self, line: IndexLine) -> bytes:
        """The same, exactly as published."""

    def open_file(self, content: Content, *, offset_bytes: int = 0) -> AbstractContextManager[BinaryIO]:
        """The bytes of one file from `offset_bytes` on; whoever copies them checks the digest."""

    def search(self, words: Sequence[str]) -> Iterator[CatalogRow]:
        """The catalog rows that may hold all of the lower-case `words`; the caller looks where they stand."""


@runtime_checkable
class RemoteRegistry(Protocol):
    """A registry that says how its files come over the network, so that a download goes on where it stopped."""

    def ranged(self, content: Content) -> RangedSource:
        """One file, in as many pieces as it takes; whoever puts them together checks the digest.

        Raises:
            NetworkProblem: there is no network.
        """


@runtime_checkable
class TakesSignatures(Protocol):
    """A registry that keeps who signed a manifest, where `read` finds it under `signature_path`."""

    def add_signatures(self, manifest: Digest, signatures: bytes) -> None:
        """Place the signatures of a manifest; the manifest itself may come later."""


class WritableRegistry(Registry, Protocol):
    """A registry that takes builds: its capabilities name `PUBLISH`."""

    def publish(self, manifest: Manifest, files: Mapping[Digest, Path]) -> Upload:
        """Add a build: its files, its manifest, its index line, in this order; the same build again changes nothing.

        Raises:
            Busy: other bytes stand under the same name, version, base and mask; or other processes kept being faster.
        """

    def attach(self, attachment: Attachment, file: Path) -> bool:
        """Add a file to a build that is there; whether it is new: the same file again changes nothing.

        Raises:
            NotFound: it has no such build.
            Busy: another file is attached under this name; or other processes kept being faster.
        """

    def set_status(self, key: BuildKey, change: StatusChange) -> IndexLine:
        """Withdraw a build, deprecate it, or take that back; the line that stands in the index now.

        Raises:
            NotFound: it has no such build.
        """


@runtime_checkable
class TokenRegistry(Protocol):
    """A registry that may want a token: it has an address, and says whether it takes one."""

    @property
    def name(self) -> RegistryName:
        """What the person calls it."""

    @property
    def url(self) -> str:
        """Its address, without credentials."""

    def check_token(self, credential: Credential) -> None:
        """Return when the registry takes the token.

        Raises:
            AuthProblem: it does not.
            NetworkProblem: it can not be asked.
        """

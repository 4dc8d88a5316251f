"""`Registry`: what every kind of registry can do, and the facts each one states about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol, runtime_checkable

from pydantic import StringConstraints

from registry_schema.document import Document
from registry_schema.names import RegistryName

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.credentials import Credential
    from registry_schema.index import IndexLine
    from registry_schema.manifest import Manifest
    from registry_schema.names import AdapterName

STARTER: Final = RegistryName("starter")


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
        """Where it is."""

    @property
    def writable(self) -> bool:
        """Whether `publish` may add to it."""

    def config(self) -> RegistryConfig:
        """What it states about itself; raises `NotFound` where there is no registry."""

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """A small file of the static layout, unchecked; None where there is none, a byte too many for one too long."""

    def names(self) -> tuple[AdapterName, ...]:
        """All adapters it has, sorted."""

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """The builds of one adapter in publish order; none if it does not know the name."""

    def manifest(self, line: IndexLine) -> Manifest:
        """The manifest a line points to."""

    def manifest_bytes(self, line: IndexLine) -> bytes:
        """The same, exactly as published."""

    def open_file(self, content: Content) -> AbstractContextManager[BinaryIO]:
        """The bytes of one file; whoever copies them checks the digest."""


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

"""Which keys speak for a namespace: the first one met is pinned, and another one is not taken in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mivactl.trust.signed_bytes import signers
from registry_schema.document import RootDocument
from registry_schema.errors import IntegrityProblem, KeyChanged
from registry_schema.names import RegistryName
from registry_schema.signatures import MAX_KEYS, PublicKey

if TYPE_CHECKING:
    from registry_schema.names import AdapterName

Keys = Annotated[tuple[PublicKey, ...], Field(min_length=1, max_length=MAX_KEYS)]


class Publishers(RootDocument):
    """The content of `publishers.json`: the keys of each namespace. A namespace is spelled as a registry's name is."""

    SCHEMA: ClassVar[str] = "mivactl.publishers/1"
    SOURCE: ClassVar[str] = "publishers.json"
    MAX_BYTES: ClassVar[int] = 4 << 20

    namespaces: dict[RegistryName, Keys] = Field(default_factory=dict)

    def keys_of(self, namespace: str) -> tuple[PublicKey, ...]:
        """The keys that speak for a namespace; none when nobody signed for it so far."""
        return self.namespaces.get(RegistryName(namespace), ())

    def with_key(self, namespace: str, key: PublicKey) -> Publishers:
        """The same, and `key` speaks for `namespace` too."""
        keys = tuple(dict.fromkeys((*self.keys_of(namespace), key)))[-MAX_KEYS:]
        return Publishers(namespaces={**self.namespaces, RegistryName(namespace): keys})

    def without(self, namespace: str) -> Publishers:
        """The same without the keys of a namespace."""
        return Publishers(namespaces={name: keys for name, keys in self.namespaces.items() if name != namespace})


def check_publisher(
    name: AdapterName, manifest: bytes, signatures: bytes | None, publishers: Publishers, *, required: bool
) -> PublicKey | None:
    """The key that vouches for the bytes of a manifest; None when nobody does and nobody has to.

    Args:
        manifest: the raw bytes; they are not looked into.
        signatures: the content of `miva.sig`, or None.
        required: whether the registry promises that everything is signed.

    Raises:
        KeyChanged: others signed than those who speak for the namespace; or nobody, where somebody did before.
        IntegrityProblem: a signature that is not of these bytes, or none where one is required.
    """
    pinned = publishers.keys_of(name.namespace)
    known = ", ".join(f"`{key}`" for key in pinned)
    if signatures is None:
        if pinned:
            raise KeyChanged(
                f"`{name}` is not signed, and those who published in `{name.namespace}` before signed with {known}",
                hint=f"ask them; `mivactl keys forget {name.namespace}` takes unsigned adapters from there again",
            )
        if required:
            raise IntegrityProblem(
                f"`{name}` is not signed, and its registry says that everything in it is",
                hint="somebody took the signature away: tell the owner of the registry",
            )
        return None
    found = signers(manifest, signatures, source=f"{name}: miva.json")
    if not pinned:
        return found[0]
    vouching = next((key for key in found if key in pinned), None)
    if vouching is None:
        raise KeyChanged(
            f"`{name}` is signed with `{found[0]}`, "
            f"those who published in `{name.namespace}` before signed with {known}",
            hint=f"ask them whether that key is theirs; `mivactl keys trust {name.namespace} {found[0]}` accepts it",
        )
    return vouching

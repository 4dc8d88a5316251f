"""`PublicKey` and `Signatures`: who vouches for the exact bytes of a file; `X.sig` beside the file `X`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from registry_schema.document import Document, RootDocument, rule
from registry_schema.text import PatternText

MAX_KEYS = 32


class PublicKey(PatternText):
    """An Ed25519 public key, `ed25519:` and 64 hex digits; as short as a fingerprint, so it is its own."""

    __slots__ = ()
    what = "public key"
    pattern = r"^ed25519:[0-9a-f]{64}$"
    longest = 72

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        return None if cls.matches(text) else "is not a public key, expected `ed25519:` and 64 hex digits"

    @property
    def raw(self) -> bytes:
        """The 32 bytes."""
        return bytes.fromhex(self.removeprefix("ed25519:"))


class SignatureValue(PatternText):
    """An Ed25519 signature in 128 hex digits."""

    __slots__ = ()
    what = "signature"
    pattern = r"^[0-9a-f]{128}$"
    longest = 128

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        return None if cls.matches(text) else "is not a signature, expected 128 hex digits"


class Signature(Document):
    """One key's signature."""

    key: PublicKey
    value: SignatureValue


class Signatures(RootDocument):
    """The content of a `.sig` file; each key signs once."""

    SCHEMA: ClassVar[str] = "miva.signatures/1"
    SOURCE: ClassVar[str] = "signatures"
    MAX_BYTES: ClassVar[int] = 16 << 10

    signatures: Annotated[tuple[Signature, ...], Field(min_length=1, max_length=MAX_KEYS)]

    @model_validator(mode="after")
    def _agree(self) -> Signatures:
        seen: set[PublicKey] = set()
        for number, signature in enumerate(self.signatures):
            if signature.key in seen:
                raise rule(f"signatures[{number}].key", "has signed already, expected each key once")
            seen.add(signature.key)
        return self

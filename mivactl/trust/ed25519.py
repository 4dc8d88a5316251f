"""Ed25519 (RFC 8032) through `cryptography`, which is imported when something is first signed or checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import IntegrityProblem
from registry_schema.signatures import PublicKey, Signature, SignatureValue

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SigningKey:
    """A private key; it never shows itself.

    Args:
        name: what its owner calls it.
    """

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.name = name
        self._private = private

    @classmethod
    def generate(cls, name: str) -> SigningKey:
        """A key nobody else has."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> SigningKey:
        """The key in a PKCS #8 PEM file.

        Raises:
            IntegrityProblem: it holds none, or one of another kind.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        problem = IntegrityProblem(f"key `{name}` is not an Ed25519 key", hint="restore the file from a copy of it")
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # the library's own words may quote the file, which is secret
            raise problem from None
        if not isinstance(private, Ed25519PrivateKey):
            raise problem
        return cls(name, private)

    def to_pem(self) -> bytes:
        """The key as an unencrypted PKCS #8 PEM file."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public(self) -> PublicKey:
        """What others check its signatures with."""
        return PublicKey(f"ed25519:{self._private.public_key().public_bytes_raw().hex()}")

    def sign(self, data: bytes) -> Signature:
        """Its signature of exactly these bytes."""
        return Signature(key=self.public, value=SignatureValue(self._private.sign(data).hex()))

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, {self.public})"


def is_signed(data: bytes, signature: Signature) -> bool:
    """Whether `signature` is its key's signature of exactly these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(signature.key.raw).verify(bytes.fromhex(signature.value), data)
    except (InvalidSignature, ValueError):
        return False
    return True

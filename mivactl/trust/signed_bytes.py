"""Bytes and the content of the `.sig` file beside them: who signed them, and whether that is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.trust.ed25519 import is_signed
from registry_schema.errors import IntegrityProblem
from registry_schema.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mivactl.trust.ed25519 import SigningKey
    from registry_schema.signatures import PublicKey

_DO_NOT_USE = "somebody changed it on the way: do not use it, and tell the owner of the registry"


def sign(data: bytes, keys: Iterable[SigningKey]) -> bytes:
    """The `.sig` file for `data`, with a signature of each key."""
    return Signatures(signatures=tuple(key.sign(data) for key in keys)).to_bytes()


def signers(data: bytes, signatures: bytes, *, source: str) -> tuple[PublicKey, ...]:
    """The keys that signed exactly these bytes, in the order of the file; `data` itself is not looked into.

    Args:
        source: what messages call the signed file.

    Raises:
        IntegrityProblem: the `.sig` file is not valid, or one of its signatures is not of these bytes.
    """
    found = Signatures.parse(signatures, source=f"{source}.sig").signatures
    for signature in found:
        if not is_signed(data, signature):
            raise IntegrityProblem(
                f"{source}: the signature of `{signature.key}` is not of these bytes", hint=_DO_NOT_USE
            )
    return tuple(signature.key for signature in found)


def require_signed(
    data: bytes, signatures: bytes | None, keys: Collection[PublicKey], *, threshold: int, source: str
) -> None:
    """Return when at least `threshold` of `keys` signed exactly these bytes; signatures of other keys do not count.

    Raises:
        IntegrityProblem: too few did, or a signature is not of these bytes.
    """
    if signatures is None:
        raise IntegrityProblem(f"{source}: is not signed, expected {threshold} of {len(keys)} keys", hint=_DO_NOT_USE)
    count = len(set(signers(data, signatures, source=source)) & set(keys))
    if count < threshold:
        raise IntegrityProblem(
            f"{source}: {count} of the registry's {len(keys)} keys signed it, expected {threshold}", hint=_DO_NOT_USE
        )

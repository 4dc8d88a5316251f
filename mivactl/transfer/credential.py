"""`Credential`: what proves who asks, and to whom it may be shown."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from mivactl.transfer.address import Origin


@dataclass(frozen=True)
class Credential:
    """The value of an `Authorization` header, for one scheme, host and port; it never prints itself.

    Raises:
        UsageProblem: it can not be sent in a header.
    """

    origin: Origin
    authorization: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.authorization.isascii() and self.authorization.isprintable() and self.authorization.strip()):
            raise UsageProblem(
                f"the credential for `{self.origin}` is empty or has characters that no header can carry",
                hint="copy it again, in one line and without quotes",
            )

    @classmethod
    def bearer(cls, origin: Origin, token: str) -> Credential:
        """A token (RFC 6750)."""
        return cls(origin, f"Bearer {token}" if token else "")

    @classmethod
    def basic(cls, origin: Origin, user: str, password: str) -> Credential:
        """A user and a password (RFC 7617)."""
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        return cls(origin, f"Basic {pair}")

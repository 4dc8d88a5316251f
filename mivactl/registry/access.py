"""`Access`: how registries may be reached, what is remembered of them, and who asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from registry_schema.errors import NetworkProblem

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.transfer.address import Origin
    from mivactl.transfer.client import ClientOptions
    from mivactl.transfer.credential import Credential
    from registry_schema.names import RegistryName


class Secret(Protocol):
    """What proves who asks: a token, or `user:password`."""

    @property
    def token(self) -> str:
        """It, as the person gave it."""


class Secrets(Protocol):
    """Where secrets are kept."""

    def find(self, registry: RegistryName, url: str) -> Secret | None:
        """The one for a registry at the server `url`; None if there is none."""


@dataclass(frozen=True)
class _Given:
    secret: Secret = field(repr=False)

    def find(self, registry: RegistryName, url: str) -> Secret | None:
        del registry, url
        return self.secret


@dataclass(frozen=True, kw_only=True)
class Access:
    """How registries may be reached.

    Attributes:
        home: the folder of mivactl, where what was read of a registry may be kept.
        lock_timeout: seconds to wait for another process that publishes into the same folder.
        offline: nothing is asked over the network.
        secrets: where what proves who asks is kept; without it, everybody is a stranger.
        ca: a file of certificate authorities to trust instead of the system's.
        insecure: plain http to other machines is allowed.
        realms: servers, `host:port`, that may be told the secret to make a token of it for this registry.
    """

    home: Path
    lock_timeout: float = 60.0
    offline: bool = False
    secrets: Secrets | None = None
    ca: Path | None = None
    insecure: bool = False
    realms: tuple[str, ...] = ()

    @property
    def cache(self) -> Path:
        """Where small files of registries over HTTP are kept."""
        return self.home / "cache" / "registries"

    def with_secret(self, secret: Secret) -> Access:
        """The same for somebody who has just said who asks, and who must be asked over the network.

        Raises:
            NetworkProblem: there is none.
        """
        if self.offline:
            raise NetworkProblem("whether a token is taken is asked over the network, which is switched off",
                                 hint="run it without `--offline` and `MIVACTL_OFFLINE`")  # fmt: skip
        return replace(self, secrets=_Given(secret))

    def client_options(self) -> ClientOptions:
        """How a client has to behave; without credentials."""
        from mivactl.transfer.client import ClientOptions

        return ClientOptions(ca=self.ca, insecure=self.insecure)

    def secret(self, registry: RegistryName, origin: Origin) -> str | None:
        """What proves to the server of a registry who asks."""
        found = self.secrets.find(registry, str(origin)) if self.secrets else None
        return None if found is None else found.token


def credential_of(secret: str, origin: Origin) -> Credential:
    """What to show a server: `user:password` as that, anything else as a token.

    Raises:
        UsageProblem: it can not be sent in a header.
    """
    from mivactl.transfer.credential import Credential

    user, colon, password = secret.partition(":")
    return Credential.basic(origin, user, password) if colon else Credential.bearer(origin, secret)

"""Log in to a registry and out of it: a token is kept only after the registry has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.credentials import Credential, checked_token, endpoint_of, variable_of
from mivactl.registry.opening import is_address
from mivactl.registry.registry import TokenRegistry
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.names import RegistryName


@dataclass(frozen=True)
class Login:
    """A registry, the one place its token is for, and where the token is kept."""

    registry: str
    endpoint: str
    kept_in: str


def token_registry(name: RegistryName, session: Session) -> TokenRegistry:
    """The registry to log in to.

    Raises:
        NotFound: there is none of that name.
        UsageProblem: it needs no token.
    """
    return _require_token_registry(session.registry(name))


def credential_for(registry: Registry, token: str) -> Credential:
    """What shows `token` to the server of a registry.

    Raises:
        UsageProblem: that is no token, or the registry needs none.
    """
    return Credential(endpoint_of(_require_token_registry(registry).url), checked_token(token))


def _require_token_registry(registry: Registry) -> TokenRegistry:
    if isinstance(registry, TokenRegistry):
        return registry
    if is_address(registry.place):
        raise UsageProblem(
            f"registry `{registry.name}` at `{registry.place}` is not asked with a token of mivactl",
            hint="the Hugging Face Hub has `hf auth login`, object stores their own configuration",
        )
    raise UsageProblem(
        f"registry `{registry.name}` is the folder `{registry.place}`, which needs no token",
        hint="the permissions of the folder decide who may read and publish",
    )


def login(registry: TokenRegistry, token: str, session: Session) -> Login:
    """Ask the registry whether it takes `token`, and keep it if so.

    Raises:
        UsageProblem: that is no token.
        AuthProblem: the registry does not take it; nothing is kept then.
        NetworkProblem: the registry can not be asked.
    """
    credential = Credential(endpoint_of(registry.url), checked_token(token))
    registry.check_token(credential)
    return Login(registry.name, credential.endpoint, session.credentials.keep(credential))


def logout(name: RegistryName, session: Session) -> Login:
    """Forget the token of a registry.

    Raises:
        NotFound: no such registry, or no token for it.
        UsageProblem: it needs no token.
    """
    registry = token_registry(name, session)
    if not session.credentials.drop(registry.url):
        raise NotFound(
            f"no token is kept for registry `{name}`",
            hint=f"one in the environment is dropped with `unset {variable_of(name)}`",
        )
    return Login(registry.name, endpoint_of(registry.url), "nowhere")

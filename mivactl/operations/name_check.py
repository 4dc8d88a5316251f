"""Names that are easily taken for others: refused when published, asked about when installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.trust.key_files import DEFAULT_KEY
from registry_schema.errors import LookAlike
from registry_schema.look_alike import RESERVED_NAMESPACES, how_alike, resemblance

if TYPE_CHECKING:
    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.index import IndexLine
    from registry_schema.names import AdapterName


def check_name(name: AdapterName, registry: Registry, session: Session) -> None:
    """Return unless a new name in `registry` would be taken for one that is there, or that mivactl brings.

    Raises:
        LookAlike: it would.
    """
    present = registry.names()
    if name in present:
        return
    for reserved in sorted(RESERVED_NAMESPACES - {name.namespace}):
        how = how_alike(name.namespace, reserved)
        if how is not None:
            raise LookAlike(
                f"the namespace `{name.namespace}` {how} `{reserved}`, which is kept",
                hint="choose another namespace in release.toml",
            )
    found = resemblance(name, (*present, *session.starter.names()), own=_own_namespaces(session))
    if found is not None:
        raise LookAlike(
            f"`{name}` {found.how} `{found.known}`, which somebody else published",
            hint="choose a name in release.toml that can not be taken for it",
        )


def require_no_older_look_alike(line: IndexLine, session: Session) -> None:
    """Return unless a build about to be installed has a name that resembles an older one.

    Raises:
        LookAlike: it has.
    """
    installed = {build.line.name: build.line.published for build in session.store.installed()}
    if line.name in installed:
        return
    known = {name: registry for registry in reversed(session.registries) for name in registry.names()}
    found = resemblance(line.name, (*installed, *known), own=_own_namespaces(session))
    if found is None:
        return
    published = installed.get(found.known)
    if published is None:
        published = min(
            (other.published for other in session.guarded(known[found.known]).lines(found.known)), default=None
        )
    if published is not None and published < line.published:
        raise LookAlike(
            f"`{line.name}` {found.how} `{found.known}`, which is older",
            hint=f"did you mean `mivactl install {found.known}`? add `--yes` if not",
        )


def _own_namespaces(session: Session) -> frozenset[str]:
    """The namespaces in which the keys of this machine publish."""
    if DEFAULT_KEY not in session.keys.names():
        return frozenset()
    own = {key.public for key in session.keys.all()}
    return frozenset(name for name, keys in session.trust.publishers().namespaces.items() if own & set(keys))

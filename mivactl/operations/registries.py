"""Make, add, list and remove registries, and find the one a person names."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mivactl.file_lock import locked
from mivactl.operations.login import credential_for
from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.directory import create_directory_registry
from mivactl.registry.opening import is_address, normal_place, open_registry
from mivactl.registry.registry import STARTER, Capability, RegistryConfig, TokenRegistry
from mivactl.registry.registry_list import RegistryEntry, RegistryList, read_registry_list, write_registry_list
from mivactl.registry.static_publication import WritableStaticRegistry
from mivactl.session import LOCAL
from registry_schema.errors import AuthProblem, Busy, NetworkProblem, NotFound, Refused, UsageProblem
from registry_schema.names import HOME_NAMESPACE, RegistryName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from mivactl.registry.registry import Registry, WritableRegistry
    from mivactl.session import Session
    from registry_schema.names import Namespace


@dataclass(frozen=True)
class ListedRegistry:
    """One registry.

    Attributes:
        adapter_count: how many it has; None if it can not be asked.
        writable: whether it takes any.
        problem, hint: why it can not be asked, or what looks wrong with it, and the way out.
    """

    name: str
    place: str
    adapter_count: int | None
    writable: bool
    namespaces: tuple[str, ...]
    problem: str = ""
    hint: str = ""


def init_registry(folder: Path, *, name: RegistryName | None = None) -> ListedRegistry:
    """A new, empty registry in `folder`.

    Args:
        name: what it calls itself; None takes the folder's name where that can be one.

    Raises:
        UsageProblem: the folder holds something else, or can not be written.
    """
    folder = folder.expanduser().absolute()
    own = folder.name.lower().replace("_", "-")
    chosen = name or RegistryName(own if RegistryName.complaint(own) is None and own != STARTER else "registry")
    return _listed(create_directory_registry(chosen, folder), RegistryList())


@dataclass(frozen=True)
class Reach:
    """How a server may be reached; see `RegistryEntry`.

    Attributes:
        token: of the person, to be kept once the server has taken it.
    """

    ca: Path | None = None
    insecure: bool = False
    realms: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)


def add_registry(
    name: RegistryName,
    place: str,
    session: Session,
    *,
    create: bool = False,
    namespaces: tuple[Namespace, ...] = (),
    reach: Reach | None = None,
) -> ListedRegistry:
    """Remember the registry at `place` as `name`; it is asked after those that were added before.

    Args:
        place: a folder or an address.
        create: make a new, empty registry there.
        namespaces: no other registry may answer for them, whatever this one has and whether it can be reached.
        reach: how its server may be reached.

    Raises:
        NotFound: there is no registry.
        Busy: the name is taken, or a namespace is bound to another registry.
        Refused: the namespace of the adapters that mivactl brings.
        UsageProblem: the folder holds something else, or can not be written.
        NetworkProblem, AuthProblem: its server does not answer, or wants to know who asks.
    """
    place = normal_place(place)
    reach = reach or Reach()
    entry = _entry(name, place, namespaces, reach)
    with _locked(session):
        entries = read_registry_list(session.registry_list)
        if name in {STARTER, LOCAL, *(entry.name for entry in entries.registries)}:
            raise Busy(
                f"there is a registry `{name}` already",
                hint=f"choose another name, or `mivactl registry remove {name}`",
            )
        _check_free(namespaces, entries)
        if create and not is_address(place):
            create_directory_registry(name, Path(place))
        access = entry.access(session.access)
        registry = open_registry(name, place, access)
        credential = None if reach.token is None else credential_for(registry, reach.token)
        if credential is not None:
            registry = open_registry(name, place, access.with_secret(credential))
        with _asking_for_login(registry, known=credential is not None):
            if create and is_address(place):
                _create(registry)
            registry.config()
        if credential is not None:
            session.credentials.keep(credential)
        added = entries.with_added(entry)
        write_registry_list(session.registry_list, added)
    return _with_doubt(_listed(registry, added))


@contextmanager
def _asking_for_login(registry: Registry, *, known: bool) -> Iterator[None]:
    """Say how a registry that wants to know who asks is added, where nobody said yet."""
    try:
        yield
    except AuthProblem as error:
        if known or not isinstance(registry, TokenRegistry):
            raise
        raise AuthProblem(error.message, hint=f"add `--login`, which asks for a token; or {error.hint}") from error


def _with_doubt(added: ListedRegistry) -> ListedRegistry:
    """What nobody can tell from a slip of the pen: the Hub has an empty list for every owner, real or not."""
    if added.adapter_count != 0 or not added.place.startswith("hf://"):
        return added
    return replace(
        added,
        problem=f"`{added.place}` has no adapters yet",
        hint=f"if its owner is another one: `mivactl registry remove {added.name}`, and add that one",
    )


def _create(registry: Registry | WritableRegistry) -> None:
    if not isinstance(registry, WritableStaticRegistry):
        raise UsageProblem(
            f"`{registry.place}` takes no files", hint="`mivactl registry init DIR`, and bring the folder there"
        )
    try:
        registry.write_config(RegistryConfig(id=str(uuid.uuid4()), name=registry.name))
    except SourceChanged as error:
        raise Busy(f"`{registry.place}` is a registry already", hint="leave out `--create`") from error


def _entry(name: RegistryName, place: str, namespaces: tuple[Namespace, ...], reach: Reach) -> RegistryEntry:
    described = {
        "name": name,
        "place": place,
        "namespaces": list(namespaces),
        "ca": str(reach.ca.expanduser().absolute()) if reach.ca else None,
        "insecure": reach.insecure,
        "realms": list(reach.realms),
    }
    return RegistryEntry.of(described, source="registry")


def remove_registry(name: RegistryName, session: Session) -> None:
    """Forget a registry; its files and what was installed from it stay.

    Raises:
        NotFound: there is none of that name.
        Refused: it belongs to mivactl.
    """
    if name in {STARTER, LOCAL}:
        raise Refused(f"registry `{name}` belongs to mivactl", hint="only registries that were added can be removed")
    with _locked(session):
        entries = read_registry_list(session.registry_list)
        if name not in {entry.name for entry in entries.registries}:
            raise NotFound(f"no registry `{name}`", hint="`mivactl registry list` shows them")
        write_registry_list(session.registry_list, entries.without(name))
        session.trust.forget_registry(name)


def list_registries(session: Session) -> Iterator[ListedRegistry]:
    """All registries in the order they are asked."""
    entries = read_registry_list(session.registry_list)
    return (_listed(registry, entries) for registry in session.registries)


def registry_at(named: str, session: Session) -> Registry:
    """The registry that `named` means, by name, folder or address.

    Raises:
        NotFound: there is none of that name.
    """
    return _known(named, session) or session.registry_at(normal_place(named), LOCAL)


def writable_registry(named: str, session: Session) -> WritableRegistry:
    """The registry that `named` means, by name, folder or address.

    Raises:
        NotFound: there is none.
        Refused: it takes nothing.
    """
    known, place = _known(named, session), normal_place(named)
    if known is not None and (_is_name(named) or Capability.PUBLISH in known.capabilities):
        return _require_writable(known)
    # the registry that comes with mivactl takes builds when its folder is named
    own_name = session.registry_at(place, LOCAL).config().name
    return _require_writable(session.registry_at(place, own_name))


def _is_name(named: str) -> bool:
    return RegistryName.complaint(named) is None and not Path(named).is_dir()


def _known(named: str, session: Session) -> Registry | None:
    """The registry of this name, or the one that was added from this place; raises `NotFound` for a name nobody has."""
    if _is_name(named):
        return session.registry(RegistryName(named))
    place = normal_place(named)
    return next((entry for entry in session.registries if place == entry.place or named == entry.name), None)


def _require_writable(registry: Registry | WritableRegistry) -> WritableRegistry:
    if Capability.PUBLISH not in registry.capabilities:
        raise Refused(
            f"registry `{registry.name}` is read-only", hint="choose another one: `mivactl registry list` shows them"
        )
    return cast("WritableRegistry", registry)


def _check_free(namespaces: tuple[Namespace, ...], entries: RegistryList) -> None:
    for namespace in namespaces:
        if namespace == HOME_NAMESPACE:
            raise Refused(
                f"the namespace `{namespace}` is kept for the adapters mivactl brings", hint="leave out `--namespace`"
            )
        owner = entries.bound(namespace)
        if owner is not None:
            raise Busy(
                f"the namespace `{namespace}` is bound to registry `{owner}` already",
                hint=f"run `mivactl registry remove {owner}` first, or leave out `--namespace {namespace}`",
            )


def _listed(registry: Registry, entries: RegistryList) -> ListedRegistry:
    bound = next((entry.namespaces for entry in entries.registries if entry.name == registry.name), ())
    writable = Capability.PUBLISH in registry.capabilities
    try:
        count = len(registry.names())
    except (NetworkProblem, AuthProblem) as error:
        return ListedRegistry(
            registry.name, registry.place, None, writable, bound, problem=error.message, hint=error.hint or ""
        )
    return ListedRegistry(registry.name, registry.place, count, writable, bound)


def _locked(session: Session) -> AbstractContextManager[None]:
    path = session.registry_list.with_name("registries.lock")
    return locked(path, resource="the list of registries", timeout_seconds=session.settings.lock_timeout)

"""Keys: those of this machine, whom it trusts for which namespace, and the keys of signed registries."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.trust.key_files import DEFAULT_KEY
from registry_schema.errors import Busy, NotFound
from registry_schema.names import RegistryName

if TYPE_CHECKING:
    from mivactl.session import Session
    from mivactl.trust.ed25519 import SigningKey
    from registry_schema.signatures import PublicKey


@dataclass(frozen=True)
class OwnKey:
    """A key of this machine: its name, and the public half."""

    name: str
    key: PublicKey


@dataclass(frozen=True)
class TrustedPublisher:
    """A namespace and the keys that speak for it."""

    namespace: str
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True)
class TrustedRegistry:
    """A signed registry: its keys, how many of them sign together, and the last checkpoint seen."""

    registry: str
    keys: tuple[PublicKey, ...]
    threshold: int
    checkpoint: int


@dataclass(frozen=True)
class KeyList:
    """All keys this machine knows."""

    own: tuple[OwnKey, ...]
    publishers: tuple[TrustedPublisher, ...]
    registries: tuple[TrustedRegistry, ...]


@dataclass(frozen=True)
class Rotation:
    """A new key in the place of an old one, which signs beside it under the name `retired`."""

    name: str
    old: PublicKey
    new: PublicKey
    retired: str


def list_keys(session: Session) -> KeyList:
    """All keys this machine knows.

    Raises:
        Refused: others may read a private key.
    """
    namespaces = session.trust.publishers().namespaces
    registries = []
    for registry in session.registries:
        known = session.trust.known_state(registry.name)
        if known is not None:
            root = known.known_root()
            registries.append(TrustedRegistry(registry.name, root.keys, root.threshold, known.counter))
    return KeyList(
        own=tuple(OwnKey(key.name, key.public) for key in session.keys.all()),
        publishers=tuple(TrustedPublisher(name, keys) for name, keys in sorted(namespaces.items())),
        registries=tuple(registries),
    )


def new_key(name: str, session: Session) -> OwnKey:
    """A new key on this machine; raises `Busy` when there is one of that name."""
    key = session.keys.create(name)
    return OwnKey(key.name, key.public)


def trust_key(namespace: str, key: PublicKey, session: Session) -> TrustedPublisher:
    """From now on `key` speaks for `namespace` too; raises `UsageProblem` for what is no namespace."""
    session.trust.trust(RegistryName(namespace), key)
    return TrustedPublisher(namespace, session.trust.publishers().keys_of(namespace))


def forget_namespace(namespace: str, session: Session) -> None:
    """Nobody speaks for `namespace` any more: the next one met is believed.

    Raises:
        NotFound: nobody did.
    """
    if not session.trust.publishers().keys_of(namespace):
        raise NotFound(f"nobody is known to speak for `{namespace}`", hint="`mivactl keys list` shows who is known")
    session.trust.forget(namespace)


def rotate_key(name: str, session: Session) -> Rotation:
    """A new key under the name of an old one.

    The old key goes on signing beside the new one, so that those who know only the old one are not alarmed.

    Raises:
        NotFound: there is no such key.
        Busy: it has retired already.
    """
    old = session.keys.read(name)
    if _is_retired(name):
        raise Busy(f"key `{name}` has retired already", hint=f"run `mivactl keys rotate {name.rpartition('-')[0]}`")
    retired = session.keys.retire(name)
    new = session.keys.create(name)
    publishers = session.trust.publishers()
    for namespace, keys in publishers.namespaces.items():
        if old.public in keys:
            session.trust.trust(namespace, new.public)
    return Rotation(name, old.public, new.public, retired)


def publisher_keys(session: Session) -> tuple[SigningKey, ...]:
    """The keys that sign what is published here: the newest first; made when there is none yet."""
    names = session.keys.names()
    if DEFAULT_KEY not in names:
        with suppress(Busy):  # another process was faster: its key will do
            session.keys.create(DEFAULT_KEY)
    retired = [name for name in names if name.startswith(f"{DEFAULT_KEY}-") and _is_retired(name)]
    ordered = sorted(retired, key=lambda name: int(name.rpartition("-")[2]), reverse=True)
    return tuple(session.keys.read(name) for name in (DEFAULT_KEY, *ordered))


def _is_retired(name: str) -> bool:
    return re.fullmatch(r".*-[0-9]+", name) is not None

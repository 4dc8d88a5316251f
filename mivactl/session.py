"""From settings to the store, the registries and the bases: the one place that picks them."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mivactl.bases import KnownBase, find_base, known_bases
from mivactl.credentials import Credentials
from mivactl.registry.access import Access
from mivactl.registry.directory import DirectoryRegistry
from mivactl.registry.guarded import GuardedRegistry
from mivactl.registry.opening import open_registry
from mivactl.registry.registry import STARTER
from mivactl.registry.registry_list import read_registry_list
from mivactl.store.store import Store
from mivactl.trust.key_files import KeyFolder
from mivactl.trust.trust_folder import TrustFolder
from registry_schema.errors import NotFound
from registry_schema.names import RegistryName
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from mivactl.registry.registry import Registry, WritableRegistry
    from mivactl.registry.registry_list import RegistryList
    from mivactl.settings import Settings
    from registry_schema.names import AdapterName

LOCAL: Final = RegistryName("local")
_PACKAGED_STARTER: Final = Path(__file__).parent / "starter"


class Session:
    """What the settings lead to; everything is looked up when it is first asked for.

    Args:
        settings: the settings in force.
        starter: the folder of the starter registry; the packaged one unless a test brings another.
        now: the moment all of this happens, which decides what has expired; the present one if left out.
    """

    def __init__(self, settings: Settings, *, starter: Path | None = None, now: Timestamp | None = None) -> None:
        self.settings = settings
        self.now = now or Timestamp.now()
        self._starter = starter
        self._guarded: dict[RegistryName, GuardedRegistry] = {}

    @cached_property
    def store(self) -> Store:
        """What is installed."""
        settings = self.settings
        return Store(settings.home / "store", lock_timeout=settings.lock_timeout, shared=settings.shared_stores)

    @cached_property
    def trust(self) -> TrustFolder:
        """Whom this machine trusts."""
        return TrustFolder(self.settings.home / "trust", lock_timeout=self.settings.lock_timeout)

    @cached_property
    def keys(self) -> KeyFolder:
        """The private keys on this machine."""
        return KeyFolder(self.settings.home / "keys")

    @cached_property
    def credentials(self) -> Credentials:
        """The tokens for registries."""
        return Credentials(self.settings.home / "credentials", os.environ, lock_timeout=self.settings.lock_timeout)

    def guarded(self, registry: Registry) -> GuardedRegistry:
        """A registry, and nothing comes out of it but what was signed as it should be."""
        return self._guarded.setdefault(registry.name, GuardedRegistry(registry, self.trust))

    @cached_property
    def registries(self) -> tuple[Registry | WritableRegistry, ...]:
        """Where adapters come from, in the order they are asked: the first that knows a name wins.

        The starter registry is first, so that nobody can put another adapter in place of one that mivactl brings.
        """
        own = (self.registry_at(entry.place, entry.name) for entry in self._added.registries)
        return (self.starter, *own, *((self.local,) if (self.local.root / "config.json").exists() else ()))

    def registry_at(self, place: str, name: RegistryName) -> Registry | WritableRegistry:
        """The registry at a place; one that was added is called and reached as was said then, another one `name`."""
        entry = next((entry for entry in self._added.registries if entry.place == place), None)
        if entry is None:
            return open_registry(name, place, self.access)
        return open_registry(entry.name, place, entry.access(self.access))

    @cached_property
    def access(self) -> Access:
        """How registries may be reached."""
        return Access(
            home=self.settings.home,
            lock_timeout=self.settings.lock_timeout,
            offline=self.settings.offline,
            secrets=self.credentials,
        )

    @cached_property
    def _added(self) -> RegistryList:
        return read_registry_list(self.registry_list)

    def bound_registry(self, name: AdapterName) -> RegistryName | None:
        """The one registry that may answer for an adapter's namespace; None where any may."""
        return self.bound_namespace(name.namespace)

    def bound_namespace(self, namespace: str) -> RegistryName | None:
        """The registry that a namespace is bound to."""
        return self._added.bound(namespace)

    @cached_property
    def starter(self) -> DirectoryRegistry:
        """The registry that comes with mivactl."""
        return DirectoryRegistry(STARTER, self._starter or _PACKAGED_STARTER, writable=False)

    @property
    def local(self) -> DirectoryRegistry:
        """The person's own registry, made when something is first published without `--to`."""
        return DirectoryRegistry(LOCAL, self.settings.home / "registry", lock_timeout=self.settings.lock_timeout)

    @property
    def registry_list(self) -> Path:
        """The file with the registries that were added."""
        return self.settings.home / "registries.json"

    @cached_property
    def bases(self) -> tuple[KnownBase, ...]:
        """The bases on this machine."""
        return known_bases(self.settings.home)

    def base(self, text: str) -> KnownBase:
        """The base a person named; raises `NotFound`."""
        return find_base(text, self.bases)

    def active_base(self) -> KnownBase | None:
        """The base the settings name, if this machine has it."""
        return next((base for base in self.bases if base.spec.name == self.settings.base), None)

    def registry(self, name: RegistryName) -> Registry | WritableRegistry:
        """One registry by name.

        Raises:
            NotFound: there is none of that name.
        """
        found = next((registry for registry in self.registries if registry.name == name), None)
        if found is not None:
            return found
        close = get_close_matches(name, [registry.name for registry in self.registries], n=1)
        hint = f"did you mean `{close[0]}`?" if close else "`mivactl registry list` shows them"
        raise NotFound(f"no registry `{name}`", hint=hint)

"""`HubPlace`: the address `hf://OWNER`, the namespace of its adapters, and the repository of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from registry_schema.errors import UsageProblem
from registry_schema.hub_names import Repository
from registry_schema.names import AdapterName
from registry_schema.text import shown

_SCHEME: Final = "hf://"
_PREFIX: Final = "miva-"
_OWNER: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"


@dataclass(frozen=True)
class HubPlace:
    """The repositories `OWNER/miva-<name>` of one owner.

    The namespace is the owner's name in lower case, with hyphens for dots and underscores, and `hf-` before a digit.
    """

    owner: str

    @classmethod
    def parse(cls, address: str) -> HubPlace:
        """The place that `hf://OWNER` means.

        Raises:
            UsageProblem: it is not of that form, or no namespace can be made of the owner's name.
        """
        owner = address.removeprefix(_SCHEME)
        if not re.fullmatch(_OWNER, owner):
            raise UsageProblem(
                f"`{shown(address)}` is not a registry on the Hub, expected `{_SCHEME}OWNER`",
                hint=f"leave out the repository: `{_SCHEME}{owner.partition('/')[0] or 'OWNER'}`",
            )
        place = cls(owner)
        complaint = AdapterName.complaint(f"{place.namespace}/x")
        if complaint is not None:
            raise UsageProblem(
                f"the namespace `{shown(place.namespace)}` of `{shown(address)}` {complaint}",
                hint="publish under an organization with a plain name",
            )
        return place

    @property
    def address(self) -> str:
        """As a person writes it."""
        return f"{_SCHEME}{self.owner}"

    @property
    def namespace(self) -> str:
        """What stands before the slash in the names of its adapters."""
        plain = re.sub(r"[._-]+", "-", self.owner.lower())
        return f"hf-{plain}" if plain[0].isdigit() else plain

    def repository(self, name: AdapterName) -> Repository | None:
        """Where the adapter `name` would be; None when it is of another namespace."""
        return Repository(f"{self.owner}/{_PREFIX}{name.name}") if name.namespace == self.namespace else None

    def adapter(self, repository: str) -> AdapterName | None:
        """The adapter of a repository; None when it can not be one of this owner."""
        owner, _, name = repository.partition("/")
        text = f"{self.namespace}/{name.removeprefix(_PREFIX)}"
        fits = owner.lower() == self.owner.lower() and name.startswith(_PREFIX)
        return AdapterName(text) if fits and AdapterName.problem(text) is None else None

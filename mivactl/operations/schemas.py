"""The JSON Schema of every document that mivactl reads or writes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mivactl.registry.registry import RegistryConfig
from mivactl.registry.registry_list import RegistryList
from mivactl.store.pointer import Pointer
from mivactl.store.projects import ProjectList
from registry_schema.errors import NotFound
from registry_schema.export import DOCUMENTS, schema_of

if TYPE_CHECKING:
    from registry_schema.document import Document

_OWN: dict[str, type[Document]] = {
    "installed-1": Pointer,
    "projects-1": ProjectList,
    "registries-1": RegistryList,
    "registry-config-1": RegistryConfig,
}


def schema_names() -> tuple[str, ...]:
    """All documents, each with its version: `manifest-1`."""
    return tuple(sorted({**DOCUMENTS, **_OWN}))


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the document `name`, as `manifest-1` or, for the newest version, `manifest`.

    Raises:
        NotFound: there is no such document.
    """
    documents = {**DOCUMENTS, **_OWN}
    newest = sorted((key for key in documents if key.rpartition("-")[0] == name), key=_version)
    key = name if name in documents else newest[-1] if newest else None
    if key is None:
        short = sorted({known.rpartition("-")[0] for known in documents})
        close = get_close_matches(name, [*documents, *short], n=1, cutoff=0.5)
        hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(f'`{known}`' for known in short)}"
        raise NotFound(f"no document `{name}`", hint=hint)
    return schema_of(documents[key])


def _version(key: str) -> int:
    return int(key.rpartition("-")[2])

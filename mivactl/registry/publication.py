"""What publishing does to the lines of an adapter, whatever kind of registry keeps them: plain values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_schema.errors import Busy, NotFound, Refused
from registry_schema.index import IndexLine
from registry_schema.names import HOME_NAMESPACE
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_schema.attachments import Attachment
    from registry_schema.index import StatusChange
    from registry_schema.manifest import BuildKey, Manifest
    from registry_schema.names import AdapterName, RegistryName


@dataclass(frozen=True)
class Upload:
    """What publishing did: the line that stands in the index now, and whether it is new."""

    line: IndexLine
    is_new: bool


def line_of(key: BuildKey, lines: Sequence[IndexLine]) -> IndexLine | None:
    """The line of one build."""
    return next((line for line in lines if line.key == key), None)


def require_same(taken: Manifest, offered: Manifest, registry: RegistryName) -> None:
    """Return when two manifests describe one build; the moment of publishing is all that may differ.

    Raises:
        Busy: they differ in more.
    """
    if offered.model_copy(update={"created": taken.created}).to_bytes() == taken.to_bytes():
        return
    raise Busy(
        f"`{offered.name}` {offered.key.tag} is in registry `{registry}` already, with other content",
        hint="published versions never change: raise `version` in release.toml",
    )


def with_status(lines: Sequence[IndexLine], key: BuildKey, change: StatusChange) -> tuple[IndexLine, ...]:
    """The lines with another status of one build.

    Raises:
        NotFound: it is not among them.
        SchemaError: a note too long, or a successor that can not be one.
    """
    found = line_of(key, lines)
    if found is None:
        there = ", ".join(line.key.tag for line in lines) or "no build"
        raise NotFound(
            f"no build `{shown(key.tag)}` of `{key.name}`, there is {there}", hint=f"`mivactl info {key.name}`"
        )
    described = {
        **found.plain(),
        "status": change.status,
        "note": change.note,
        "successor": change.successor,
    }
    plain = {name: value for name, value in described.items() if value is not None}
    changed = IndexLine.of(plain, source=f"{key.name} {key.tag}")
    return tuple(changed if line is found else line for line in lines)


def merged_lines(
    present: Sequence[IndexLine], offered: Sequence[IndexLine], registry: RegistryName
) -> tuple[tuple[IndexLine, ...], tuple[IndexLine, ...]]:
    """What is present with the status that is offered, then what is new; and the new lines alone.

    Raises:
        Busy: one build has other bytes in each.
    """
    by_key = {line.key: line for line in offered}
    for line in present:
        other = by_key.get(line.key)
        if other is not None and other.manifest != line.manifest:
            raise Busy(
                f"`{line.name}` {line.key.tag} is in registry `{registry}` already, with other content",
                hint="published versions never change: publish it under a new version",
            )
    known = {line.key for line in present}
    new = tuple(line for line in offered if line.key not in known)
    return (*(by_key.get(line.key, line) for line in present), *new), new


def build_of(attachment: Attachment, lines: Sequence[IndexLine]) -> IndexLine:
    """The build that something is attached to; raises `NotFound`."""
    found = next((line for line in lines if line.manifest.digest == attachment.manifest), None)
    if found is None:
        raise NotFound(
            f"no build of `{attachment.name}` has the manifest `{attachment.manifest}`",
            hint=f"`mivactl info {attachment.name}`",
        )
    return found


def is_new(attachment: Attachment, present: Sequence[Attachment], registry: RegistryName) -> bool:
    """Whether a file is to be attached; false when the same one is.

    Raises:
        Busy: another one is attached under this name.
    """
    taken = next((one for one in present if one.key == attachment.key), None)
    if taken is None or taken.file == attachment.file:
        return taken is None
    raise Busy(
        f"`{attachment.file.path}` is attached to `{attachment.name}` in registry `{registry}` already, "
        f"with digest `{taken.file.digest}`",
        hint="what is attached never changes: give the file another name",
    )


def require_own_namespace(name: AdapterName) -> None:
    """Return unless `name` is in the namespace of the adapters that mivactl brings; raises `Refused`."""
    if name.namespace == HOME_NAMESPACE:
        raise Refused(
            f"`{name}` is in the namespace `{HOME_NAMESPACE}`, which is kept for the adapters mivactl brings",
            hint=f'write `name = "my/{name.name}"` in release.toml',
        )

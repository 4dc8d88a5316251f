"""Bring one registry's builds to another place, byte for byte: a folder into a bucket, a bucket into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.engine_bridge import SilentProgress
from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.opening import is_address, normal_place
from mivactl.registry.registry import Capability
from mivactl.registry.static_publication import WritableStaticRegistry
from mivactl.session import LOCAL
from mivactl.trust.state_signing import CHECKPOINT, ROOT, SNAPSHOT, numbered_root
from registry_schema.errors import Busy, NotFound, Refused
from registry_schema.signed_state import ADVISORIES, MAX_STATE_BYTES, Root

if TYPE_CHECKING:
    from mivactl.engine_bridge import Progress
    from mivactl.registry.registry import Registry, RegistryConfig
    from mivactl.session import Session


@dataclass(frozen=True)
class Synced:
    """How many adapters were looked at, and how many builds were new at the target."""

    source: str
    target: str
    adapters: int
    new_builds: int


def sync_registry(source: str, target: str, session: Session, *, progress: Progress | None = None) -> Synced:
    """Bring every build of the registry at `source` to `target`, which becomes the same registry at another place.

    Args:
        source, target: folders or addresses.

    Raises:
        NotFound: there is no registry at `source`.
        Refused: `target` is another registry, or takes nothing.
        Busy: `target` has other bytes under a version.
    """
    origin = session.registry_at(normal_place(source), LOCAL)
    config = origin.config()
    place = normal_place(target)
    opened = session.registry_at(place, config.name)
    if Capability.MIRROR not in opened.capabilities or not isinstance(opened, WritableStaticRegistry):
        raise Refused(
            f"`{place}` takes no files", hint="sync to a folder, or to an address such as `s3://` or `oci://`"
        )
    _require_same_registry(opened, config, place)
    names = origin.names()
    with (progress or SilentProgress()).phase("copy", len(names)) as phase:
        new = 0
        for name in names:
            new += opened.mirror(origin, name)
            phase.advance()
    if config.signed:
        _copy_state(origin, opened)
    return Synced(origin.place, place, len(names), new)


def _copy_state(origin: Registry, target: WritableStaticRegistry) -> None:
    """Bring the signed state over; the checkpoint that names all of it comes last."""
    newest = origin.read(ROOT, max_bytes=Root.MAX_BYTES)
    version = 0 if newest is None else Root.parse(newest, source=f"{origin.place}/{ROOT}").version
    roots = (path for place in (*map(numbered_root, range(1, version + 1)), ROOT) for path in (f"{place}.sig", place))
    for path in (ADVISORIES, *roots, SNAPSHOT, f"{CHECKPOINT}.sig", CHECKPOINT):
        content = origin.read(path, max_bytes=MAX_STATE_BYTES)
        if content is not None:
            target.write(path, content)
    target.state_signed()


def _require_same_registry(target: WritableStaticRegistry, config: RegistryConfig, place: str) -> None:
    try:
        there = target.config()
    except NotFound:
        if not is_address(place) and Path(place).exists() and any(Path(place).iterdir()):
            raise Refused(f"`{place}` holds something else", hint="choose a new folder") from None
        try:
            target.write_config(config.model_copy(update={"signed": False}))
        except SourceChanged as error:
            raise Busy(f"`{place}` was made by another process meanwhile", hint="run it again") from error
        return
    if there.id != config.id:
        raise Refused(
            f"`{place}` is registry `{there.name}` ({there.id}), expected `{config.name}` ({config.id})",
            hint="sync to an empty place, or publish to the other registry",
        )

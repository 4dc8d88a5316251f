"""What is different between two locks, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_schema.lock import Lock, LockedAdapter


@dataclass(frozen=True)
class LockChange:
    """One adapter whose entry changed, or the base (then `name` is empty).

    Attributes:
        before: its version; None where it is new.
        after: its version; None where it is gone.
        tensors_changed: whether the weights move things otherwise than before; None where there is nothing to compare.
        details: what else is different, `base nano -> wan`, `status active -> yanked`.
    """

    name: str
    before: str | None
    after: str | None
    tensors_changed: bool | None
    details: tuple[str, ...]

    @property
    def words(self) -> str:
        """One line for a person."""
        if not self.name:
            return ", ".join(self.details)
        if self.before is None:
            return f"{self.name} {self.after} is new"
        if self.after is None:
            return f"{self.name} {self.before} is gone"
        versions = self.after if self.before == self.after else f"{self.before} -> {self.after}"
        tensors = () if self.tensors_changed is None else (_TENSORS[self.tensors_changed],)
        return f"{self.name} {versions}: {', '.join((*tensors, *self.details))}"


_TENSORS = {True: "tensors changed", False: "same tensors"}


def lock_changes(before: Lock | None, after: Lock) -> tuple[LockChange, ...]:
    """What changes from one lock to the next, the base first; all of it where there was none."""
    old = {entry.name: entry for entry in before.adapters} if before else {}
    new = {entry.name: entry for entry in after.adapters}
    changes = [_base_change(before, after)] if before else []
    for name in sorted(old | new):
        changes.append(_change(before, after, old.get(name), new.get(name)))
    return tuple(change for change in changes if change is not None)


def _base_change(before: Lock, after: Lock) -> LockChange | None:
    if before.base == after.base:
        return None
    old, new = (f"{lock.base.name} ({lock.base.weights.hex[:12]})" for lock in (before, after))
    return LockChange("", None, None, None, (f"base {old} -> {new}",))


def _change(
    before: Lock | None, after: Lock, old: LockedAdapter | None, new: LockedAdapter | None
) -> LockChange | None:
    if old is None or new is None or before is None:
        entry = new or old
        was, now = (str(one.version) if one is not None else None for one in (old, new))
        return LockChange(entry.name, was, now, None, ()) if entry is not None else None
    details = [
        f"{what} {was or 'any'} -> {now or 'any'}"
        for what, was, now in (
            ("base", old.base, new.base),
            ("status", old.status, new.status),
            ("range", str(old.range), str(new.range)),
            ("masked", str(old.masked).lower(), str(new.masked).lower()),
            ("signer", old.signer, new.signer),
        )
        if was != now
    ]
    homes = before.registry_of(old), after.registry_of(new)
    if homes[0] != homes[1]:
        details.append(f"registry {homes[0].name} ({homes[0].id[:8]}) -> {homes[1].name} ({homes[1].id[:8]})")
    if old.manifest == new.manifest and not details:
        return None
    moved = None if old.manifest == new.manifest else old.weights.tensors != new.weights.tensors
    return LockChange(new.name, str(old.version), str(new.version), moved, tuple(details))

"""Masked builds that a person asks for: of adapters that were given a mask, or of all that have one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mivactl.operations.choosing import base_reference
from mivactl.operations.composition import compose_wanted
from mivactl.operations.planning import plan_for
from mivactl.resolve.plan import Plan
from registry_schema.errors import Incompatible, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mivactl.operations.composition import Composed, Wanted
    from mivactl.session import Session
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef


def require_used(given: Collection[AdapterName], refs: Sequence[AdapterRef], *, option: str = "") -> None:
    """Make sure that each mask is of an adapter that is used.

    Args:
        given: the adapters that were given a mask.
        refs: those that are used.
        option: what names one of these on the command line, if anything does.

    Raises:
        UsageProblem: one is not.
    """
    used = [ref.name for ref in refs]
    strangers = [name for name in given if name not in used]
    if strangers:
        label = label_of(strangers[0])
        names = ", ".join(f"`{label_of(name)}`" for name in used)
        raise UsageProblem(f"`--mask` names `{label}`, which is not among {names}", hint=f"add `{option}{label}`")


def compose_given(
    wanted: Wanted, session: Session, given: Collection[AdapterName], *, no_mask: bool = False
) -> tuple[Composed, frozenset[AdapterName]]:
    """Masked builds of the adapters in `given`, and plain ones of all others that have some; and who has none.

    Raises:
        Incompatible: `no_mask`, and an adapter has masked builds alone.
        MivaError: as `compose_wanted`.
    """
    try:
        return compose_wanted(replace(wanted, masked=frozenset(given)), session), frozenset()
    except Incompatible:
        rest = [ref for ref in wanted.refs if ref.name not in given]
        only = frozenset(ref.name for ref in rest if _is_only_masked(ref, wanted, session))
        if not only:
            raise
        if no_mask:
            label = label_of(min(only))
            msg = f"`{label}` has masked builds alone here, and `--no-mask` refuses them"
            raise Incompatible(msg, hint=f"leave out `--no-mask`, or `--use {label}`") from None
        return compose_wanted(replace(wanted, masked=frozenset((*given, *only))), session), only


def compose_all_masked(
    wanted: Wanted, session: Session, given: Collection[AdapterName]
) -> tuple[Composed, tuple[str, ...]]:
    """Masked builds of all adapters that have one for the base; and a note on each of the others.

    Raises:
        Incompatible: no adapter has one.
        MivaError: as `compose_wanted`.
    """
    composed, only = compose_given(wanted, session, given)
    offered = frozenset(ref.name for ref in composed.refs if _has_masked(ref, composed, session))
    composed = compose_wanted(replace(wanted, masked=offered.union(given, only)), session)
    plain = tuple(_plain_ones(wanted, composed))
    if len(plain) == len(composed.refs):
        raise Incompatible(f"`--masked` has nothing to take: {'; '.join(plain)}", hint="leave out `--masked`")
    return composed, plain


def require_as_asked(
    wanted: Wanted, composed: Composed, given: Collection[AdapterName], *, no_mask: bool = False
) -> None:
    """Make sure that builds which a digest, a preset or a lock names are masked or not as the options say.

    Raises:
        Incompatible: one is not.
    """
    for build in composed.chosen.builds:
        name, masked = build.manifest.name, build.manifest.adapter.masked
        label, who = label_of(name), _who_decides(name, wanted)
        locked = who == "miva.lock"
        if name in given and not masked:
            way = f"`mivactl lock {label} --masked` locks its masked build; or " if locked else ""
            msg = f"`{label}` was given a mask, and {who} names its plain build"
            raise Incompatible(msg, hint=f"{way}leave out `--mask {label}=...`")
        if no_mask and masked:
            way = "take `--no-mask` away" if locked or wanted.preset is not None else f"pass `--use {label}`"
            raise Incompatible(f"`--no-mask` refuses the masked build of `{label}` that {who} names", hint=way)


def label_of(name: AdapterName) -> str:
    """A name as people write it: the namespace `miva` goes without saying."""
    return str(name).removeprefix("miva/")


def _is_only_masked(ref: AdapterRef, wanted: Wanted, session: Session) -> bool:
    plain, masked = (
        isinstance(plan_for([ref], session, base=wanted.base, masked=masked, runnable_only=True), Plan)
        for masked in (False, True)
    )
    return masked and not plain


def _has_masked(ref: AdapterRef, composed: Composed, session: Session) -> bool:
    """Whether a masked build answers a reference on the base that was chosen; the store is asked before registries."""
    base = base_reference(composed.chosen.base, session)
    return any(
        isinstance(plan_for([ref], session, base=base, masked=True, installed_only=installed), Plan)
        for installed in (True, False)
    )


def _who_decides(name: AdapterName, wanted: Wanted) -> str:
    """What names the exact build of an adapter, where something does."""
    if wanted.preset is not None:
        return "the preset"
    return "the digest" if any(ref.name == name and ref.digest is not None for ref in wanted.refs) else "miva.lock"


def _plain_ones(wanted: Wanted, composed: Composed) -> Iterator[str]:
    for ref, build in zip(composed.refs, composed.chosen.builds, strict=True):
        label = label_of(ref.name)
        if build.manifest.adapter.masked:
            continue
        if ref.digest is None:
            yield f"`{label}` has no masked build here"
        else:
            yield f"{_who_decides(ref.name, wanted)} names the plain build of `{label}`"

"""Which adapters of a run are masked: those that were given a mask, and those whose subject is found in the photos."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mivactl.engine_bridge import Missed, Subject, find_unasked, open_mask_finder, pack_mask
from mivactl.operations.choosing import ChosenBuild
from mivactl.operations.composition import compose_wanted
from mivactl.operations.planning import manifest_of, plan_for
from mivactl.operations.weights import segmenter_folder
from mivactl.registry.registry import STARTER
from mivactl.resolve.plan import Plan
from registry_schema.errors import Incompatible, MivaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import FoundMask, MaskFinder, PackedMask
    from mivactl.operations.composition import Composed, Wanted
    from mivactl.session import Session
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class Masking:
    """Masked and plain builds of a run, and the subjects that are looked for in its photos.

    Attributes:
        composed: the builds.
        subjects: of the masked adapters that were given no mask.
        finder: who looks for them; None where there are none.
        only: the adapters that have no plain build here.
        notes: why adapters run without their masks.
        known: what was found already, by adapter and photo.
    """

    composed: Composed
    subjects: Mapping[AdapterName, Subject] = field(default_factory=dict)
    finder: MaskFinder | None = None
    only: frozenset[AdapterName] = frozenset()
    notes: tuple[str, ...] = ()
    known: Mapping[AdapterName, Mapping[Path, PackedMask]] = field(default_factory=dict)

    def found_in(self, photo: Path) -> Mapping[AdapterName, FoundMask]:
        """The masks of all subjects in a photo; those that are known are not looked for again.

        Raises:
            UsageProblem: one was not found with confidence.
            NotFound, IntegrityProblem, ResourceProblem: the photo, or weights of the segmenter.
        """
        if self.finder is None:
            return {}
        found: dict[AdapterName, FoundMask] = {}
        for name, subject in self.subjects.items():
            known = self.known.get(name, {}).get(photo)
            mask = find_unasked(self.finder, photo, subject) if known is None else known.unpacked()
            if isinstance(mask, Missed):
                raise self._missing(name, photo, mask)
            found[name] = mask
        return found

    def _missing(self, name: AdapterName, photo: Path, missed: Missed) -> UsageProblem:
        label = _label(name)
        exact = any(ref.digest is not None for ref in self.composed.refs if ref.name == name)
        other = "and name another build" if exact else "for its plain build"
        plain = "" if name in self.only else f", or `--no-mask` {other}"
        return UsageProblem(
            f"`{label}` is a masked adapter, and nothing says where its subject is in `{photo.name}`: {missed.reason}",
            hint=f"pass `--mask {label}=mask.png`{plain}",
        )


def compose_masked(
    wanted: Wanted, session: Session, *, photos: Sequence[Path], given: Collection[AdapterName], no_mask: bool
) -> Masking:
    """The builds of a run: masked ones for adapters that were given masks, and where a subject is found in all photos.

    Args:
        wanted: the adapters.
        session: knows adapters and the segmenter.
        photos: in which subjects are looked for.
        given: the adapters that were given a mask.
        no_mask: take plain builds.

    Raises:
        UsageProblem: a masked adapter has no plain build, and its subject was not found in the only photo.
        Incompatible: a mask for an adapter whose build is plain, or a masked build that `no_mask` refuses.
        MivaError: as `compose_wanted`; and a broken photo, if it is the only one.
    """
    composed, only = _composed(wanted, session, given, no_mask=no_mask)
    _require_as_asked(wanted, composed, given, no_mask=no_mask)
    if no_mask:
        return Masking(composed)
    needed = {
        build.manifest.name: _subject(build)
        for build, weight in zip(composed.chosen.builds, composed.weights, strict=True)
        if build.manifest.adapter.masked and weight != 0 and build.manifest.name not in given
    }
    offered = {build.manifest.name: build for build in _masked_builds(composed, session, given)}
    if not needed and not offered:
        return Masking(composed)
    finder = open_mask_finder(segmenter_folder(session))
    kept, notes = _kept({name: _subject(build) for name, build in offered.items()}, photos, finder)
    builds = tuple(
        offered[build.manifest.name] if build.manifest.name in kept else build for build in composed.chosen.builds
    )
    composed = replace(composed, chosen=replace(composed.chosen, builds=builds))
    subjects = {**needed, **{name: _subject(offered[name]) for name in kept}}
    masking = Masking(composed, subjects, finder, only, notes, kept)
    if len(photos) != 1:
        return masking
    (photo,) = photos
    return replace(masking, known={name: {photo: pack_mask(mask)} for name, mask in masking.found_in(photo).items()})


def unasked_masks(composed: Composed, names: Collection[AdapterName], session: Session) -> Masking:
    """The same builds, of which those in `names` have their masks found in whatever photo comes."""
    subjects = {
        build.manifest.name: _subject(build) for build in composed.chosen.builds if build.manifest.name in names
    }
    finder = open_mask_finder(segmenter_folder(session)) if subjects else None
    return Masking(composed, subjects, finder)


def _composed(
    wanted: Wanted, session: Session, given: Collection[AdapterName], *, no_mask: bool
) -> tuple[Composed, frozenset[AdapterName]]:
    """Plain builds wherever there are some; and the names of the adapters that have none."""
    try:
        return compose_wanted(replace(wanted, masked=frozenset(given)), session), frozenset()
    except Incompatible:
        rest = [ref for ref in wanted.refs if ref.name not in given]
        only = frozenset(ref.name for ref in rest if _is_only_masked(ref, wanted, session))
        if not only:
            raise
        if no_mask:
            label = _label(min(only))
            msg = f"`{label}` has masked builds alone here, and `--no-mask` refuses them"
            raise Incompatible(msg, hint=f"leave out `--no-mask`, or `--use {label}`") from None
        return compose_wanted(replace(wanted, masked=frozenset((*given, *only))), session), only


def _is_only_masked(ref: AdapterRef, wanted: Wanted, session: Session) -> bool:
    plain, masked = (
        isinstance(plan_for([ref], session, base=wanted.base, masked=masked, runnable_only=True), Plan)
        for masked in (False, True)
    )
    return masked and not plain


def _require_as_asked(wanted: Wanted, composed: Composed, given: Collection[AdapterName], *, no_mask: bool) -> None:
    """Make sure that builds which a digest, a preset or a lock names are masked or not as the options say.

    Raises:
        Incompatible: one is not.
    """
    exact = {ref.name for ref in wanted.refs if ref.digest is not None}
    for build in composed.chosen.builds:
        name, masked = build.manifest.name, build.manifest.adapter.masked
        label = _label(name)
        locked = wanted.preset is None and name not in exact
        who = "miva.lock" if locked else "the preset" if wanted.preset is not None else "the digest"
        if name in given and not masked:
            way = f"`mivactl lock {label} --masked` locks its masked build; or " if locked else ""
            msg = f"`{label}` was given a mask, and {who} names its plain build"
            raise Incompatible(msg, hint=f"{way}leave out `--mask {label}=...`")
        if no_mask and masked:
            way = "take `--no-mask` away" if locked or wanted.preset is not None else f"pass `--use {label}`"
            raise Incompatible(f"`--no-mask` refuses the masked build of `{label}` that {who} names", hint=way)


def _masked_builds(composed: Composed, session: Session, given: Collection[AdapterName]) -> Iterator[ChosenBuild]:
    """The masked builds that could take the place of plain ones: as new, for the same base, and as near at hand."""
    base = composed.chosen.base
    text = str(base.folder) if base not in session.bases else str(base.spec.name)
    for ref, build, weight in zip(composed.refs, composed.chosen.builds, composed.weights, strict=True):
        spec = build.manifest.adapter
        if spec.masked or spec.region == "whole" or weight == 0 or ref.digest is not None or ref.name in given:
            continue
        source = build.candidate.registry
        # what is installed runs without asking a registry, the starter's aside, which is on this machine
        at_hand = build.candidate.installed and source != STARTER
        wished = replace(ref, registry=source, weight=None)
        plan = plan_for([wished], session, base=text, masked=True, installed_only=at_hand)
        if isinstance(plan, Plan) and plan.choices[0].candidate.line.version >= build.candidate.line.version:
            choice = plan.choices[0]
            yield ChosenBuild(choice.candidate, manifest_of(choice.candidate, session), choice.fit.note)


def _kept(
    subjects: Mapping[AdapterName, Subject], photos: Sequence[Path], finder: MaskFinder
) -> tuple[dict[AdapterName, dict[Path, PackedMask]], tuple[str, ...]]:
    """The adapters whose subject is in every photo, with its masks; and why others are not."""
    kept: dict[AdapterName, dict[Path, PackedMask]] = {}
    notes: list[str] = []
    for name, subject in subjects.items():
        masks: dict[Path, PackedMask] = {}
        for photo in photos:
            try:
                mask = find_unasked(finder, photo, subject)
            except MivaError:
                if len(photos) == 1:
                    raise
                continue  # it will be told as a photo that failed
            if isinstance(mask, Missed):
                label = _label(name)
                way = f"`--mask {label}=FILE` shows its subject" if len(photos) == 1 else "`mivactl mask` looks again"
                notes.append(f"{label} runs in its plain build, without a mask in `{photo.name}`: {mask.reason}; {way}")
                masks.clear()
                break
            masks[photo] = pack_mask(mask)
        if masks:
            kept[name] = masks
    return kept, tuple(notes)


def _subject(build: ChosenBuild) -> Subject:
    spec = build.manifest.adapter
    return Subject(spec.motion, spec.subjects)


def _label(name: AdapterName) -> str:
    return str(name).removeprefix("miva/")

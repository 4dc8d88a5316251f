"""Which adapters of a run are masked: those that were given a mask, and those whose subject is found in the photos."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mivactl.engine_bridge import Missed, Subject, find_unasked, open_mask_finder, pack_mask
from mivactl.operations.asked_masks import (
    compose_all_masked,
    compose_given,
    label_of,
    require_as_asked,
    require_used,
)
from mivactl.operations.choosing import ChosenBuild, base_reference
from mivactl.operations.composition import compose_wanted
from mivactl.operations.planning import manifest_of, plan_for
from mivactl.operations.weights import segmenter_folder
from mivactl.registry.registry import STARTER
from mivactl.resolve.plan import Plan
from registry_schema.errors import MivaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import FoundMask, MaskFinder, PackedMask
    from mivactl.operations.composition import Composed, Wanted
    from mivactl.session import Session
    from registry_schema.names import AdapterName


@dataclass(frozen=True)
class Masking:
    """Masked and plain builds of a run, and the subjects that are looked for in its photos.

    Attributes:
        composed: the builds.
        subjects: of the masked adapters that were given no mask.
        finder: who looks for them; None where there are none.
        ways: what else to do where a mask is missing, by adapter; none where there is nothing.
        notes: why adapters run without their masks.
        known: what was found already, by adapter and photo.
    """

    composed: Composed
    subjects: Mapping[AdapterName, Subject] = field(default_factory=dict)
    finder: MaskFinder | None = None
    ways: Mapping[AdapterName, str] = field(default_factory=dict)
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

    def known_in(self, photo: Path) -> Masking:
        """The same, after a look at the only photo; raises what `found_in` does."""
        found = self.found_in(photo)
        return replace(self, known={name: {photo: pack_mask(mask)} for name, mask in found.items()})

    def _missing(self, name: AdapterName, photo: Path, missed: Missed) -> UsageProblem:
        label = label_of(name)
        other = f", or {self.ways[name]}" if name in self.ways else ""
        return UsageProblem(
            f"`{label}` is a masked adapter, and nothing says where its subject is in `{photo.name}`: {missed.reason}",
            hint=f"pass `--mask {label}=mask.png`{other}",
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
    composed, only = compose_given(wanted, session, given, no_mask=no_mask)
    require_as_asked(wanted, composed, given, no_mask=no_mask)
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
    ways = {name: _way_without(name, wanted, composed) for name in subjects if name not in only}
    masking = Masking(composed, subjects, finder, ways, notes, kept)
    return masking.known_in(photos[0]) if len(photos) == 1 else masking


def unasked_masks(composed: Composed, names: Collection[AdapterName], session: Session) -> Masking:
    """The same builds, of which those in `names` have their masks found in whatever photo comes."""
    subjects = {
        build.manifest.name: _subject(build) for build in composed.chosen.builds if build.manifest.name in names
    }
    finder = open_mask_finder(segmenter_folder(session)) if subjects else None
    return Masking(composed, subjects, finder)


def preset_masking(
    wanted: Wanted, session: Session, *, photo: Path | None, given: Collection[AdapterName], masked: bool
) -> Masking:
    """The builds of a preset: masked ones where a person asks for them; subjects decide nothing, presets have no photo.

    Args:
        wanted: the adapters.
        session: knows adapters and the segmenter.
        photo: in which the subjects are looked for, of all masked builds that were given no mask.
        given: the adapters that were given a mask, which take masked builds.
        masked: take all masked builds that there are.

    Raises:
        UsageProblem: a mask for an adapter that is not used, or without a photo; or a subject was not found in it.
        Incompatible: a masked build that is not there, or that a digest or a lock rules out.
        MivaError: as `compose_wanted`; and a broken photo.
    """
    require_used(given, wanted.refs)
    if given and photo is None:
        msg = "`--mask` was given without `--photo`: a mask says where the subject is in one photo"
        raise UsageProblem(msg, hint="add `--photo FILE`; or pass `--masked` instead, for masked builds alone")
    if masked:
        composed, notes = compose_all_masked(wanted, session, given)
    else:
        composed, notes = compose_wanted(replace(wanted, masked=frozenset(given)), session), ()
    require_as_asked(wanted, composed, given)
    names = {build.manifest.name for build in composed.chosen.builds if build.manifest.adapter.masked}
    masking = replace(unasked_masks(composed, names.difference(given), session), notes=notes)
    if photo is None:
        return masking
    masking = replace(masking, ways=dict.fromkeys(names, "leave out `--photo`"))
    return masking.known_in(photo)


def _masked_builds(composed: Composed, session: Session, given: Collection[AdapterName]) -> Iterator[ChosenBuild]:
    """The masked builds that could take the place of plain ones: as new, for the same base, and as near at hand."""
    base = base_reference(composed.chosen.base, session)
    for ref, build, weight in zip(composed.refs, composed.chosen.builds, composed.weights, strict=True):
        spec = build.manifest.adapter
        if spec.masked or spec.region == "whole" or weight == 0 or ref.digest is not None or ref.name in given:
            continue
        source = build.candidate.registry
        # what is installed runs without asking a registry, the starter's aside, which is on this machine
        at_hand = build.candidate.installed and source != STARTER
        wished = replace(ref, registry=source, weight=None)
        plan = plan_for([wished], session, base=base, masked=True, installed_only=at_hand)
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
                label = label_of(name)
                way = f"`--mask {label}=FILE` shows its subject" if len(photos) == 1 else "`mivactl mask` looks again"
                notes.append(f"{label} runs in its plain build, without a mask in `{photo.name}`: {mask.reason}; {way}")
                masks.clear()
                break
            masks[photo] = pack_mask(mask)
        if masks:
            kept[name] = masks
    return kept, tuple(notes)


def _way_without(name: AdapterName, wanted: Wanted, composed: Composed) -> str:
    """What to do where a run has no mask of an adapter that has a plain build."""
    if wanted.preset is not None:
        return "write a preset of its plain build with `mivactl compose`"
    exact = any(ref.digest is not None for ref in composed.refs if ref.name == name)
    return f"`--no-mask` {'and name another build' if exact else 'for its plain build'}"


def _subject(build: ChosenBuild) -> Subject:
    spec = build.manifest.adapter
    return Subject(spec.motion, spec.subjects)

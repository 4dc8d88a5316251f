"""Animate photos: choose base and builds, install what is missing, load once, render each photo."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mivactl import version
from mivactl.engine_bridge import (
    AnimateRequest,
    RunChoices,
    SilentProgress,
    StudioRequest,
    animate,
    frame_size,
    load_studio,
    settle,
)
from mivactl.operations.asked_masks import require_used
from mivactl.operations.clip_outputs import check_outputs, is_finished
from mivactl.operations.collect_garbage import LATENTS_FOLDER
from mivactl.operations.composition import Wanted, install_composed
from mivactl.operations.masking import compose_masked
from mivactl.operations.photo_jobs import photo_jobs, photo_paths
from mivactl.operations.timings import estimate, remember
from registry_schema.errors import Interrupted, MivaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mivactl.engine_bridge import AdapterUse, AnimateResult, Progress, Studio
    from mivactl.operations.composition import Composed
    from mivactl.operations.masking import Masking
    from mivactl.operations.photo_jobs import PhotoJob
    from mivactl.operations.timings import Estimate
    from mivactl.session import Session
    from registry_schema.names import AdapterName
    from registry_schema.receipt import RunSettings


@dataclass(frozen=True, kw_only=True)
class AnimateOptions:
    """What is animated, with what, and how.

    Attributes:
        photos: files, folders and patterns.
        outputs: files (for one photo) or folders; none is the current folder.
        wanted: adapters.
        choices: seed, steps, size and so on.
        force: replace files that mivactl did not write, and render again what is finished.
        vram: GiB of the card to do with, or `auto`.
        compiled: compile the base; see `StudioRequest`.
        from_latents: what an earlier run of the same photo sampled, to be decoded.
        command: the command line that asks, to be shown again when decoding fails.
        masks: files with the subject of masked adapters; others are looked for in the photos.
        no_mask: take plain builds.
        save_masks: write the predicted masks beside the clip.
    """

    photos: tuple[str, ...]
    wanted: Wanted
    outputs: tuple[str, ...] = ()
    choices: RunChoices = field(default_factory=RunChoices)
    force: bool = False
    vram: str = "auto"
    compiled: bool = False
    from_latents: Path | None = None
    command: str = ""
    masks: Mapping[AdapterName, Path] = field(default_factory=dict)
    no_mask: bool = False
    save_masks: bool = False


@dataclass(frozen=True)
class Prepared:
    """Everything that is known before anything is installed or loaded."""

    masking: Masking
    settings: RunSettings
    jobs: tuple[PhotoJob, ...]

    @property
    def composed(self) -> Composed:
        """References, base and builds."""
        return self.masking.composed

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the person: which base and why, how builds fit, the weights."""
        chosen = self.composed.chosen
        fits = (f"{build.label}: {build.note}" for build in chosen.builds if build.note)
        weights = (self.composed.note,) if self.composed.note else ()
        base = f"base {chosen.base.spec.name}: {chosen.reason}"
        return (base, *self.composed.lock_notes, *fits, *weights, *self.masking.notes)

    @property
    def masks(self) -> int:
        """How many adapters have a mask stream."""
        pairs = zip(self.composed.chosen.builds, self.composed.weights, strict=True)
        return sum(build.manifest.adapter.masked and weight != 0 for build, weight in pairs)

    @property
    def moves_everything(self) -> bool:
        """Whether an adapter moves the whole picture."""
        pairs = zip(self.composed.chosen.builds, self.composed.weights, strict=True)
        return any(build.manifest.adapter.region == "whole" and weight != 0 for build, weight in pairs)


@dataclass(frozen=True)
class PlannedPhoto:
    """One photo of a plan: sizes as width and height, or what is wrong with it."""

    photo: Path
    outputs: tuple[Path, ...]
    photo_size: tuple[int, int] | None
    clip_size: tuple[int, int] | None
    problem: MivaError | None


@dataclass(frozen=True)
class AnimationPlan:
    """What `animate` would do; `missing` names the builds it would install, with their registries."""

    prepared: Prepared
    photos: tuple[PlannedPhoto, ...]
    missing: tuple[str, ...]
    estimate: Estimate


@dataclass(frozen=True)
class FailedPhoto:
    """A photo without a clip, and why."""

    photo: Path
    error: MivaError


@dataclass(frozen=True)
class Animation:
    """What was done: clips made, photos whose clip was there already, and failures."""

    base: str
    reason: str
    made: tuple[AnimateResult, ...]
    kept: tuple[PhotoJob, ...]
    failed: tuple[FailedPhoto, ...]


def prepare(options: AnimateOptions, session: Session) -> Prepared:
    """Base, builds, settings and jobs; reads indexes and manifests only, and photos where a build is masked.

    Raises:
        UsageProblem, NotFound, Incompatible: an option, an adapter or a base.
    """
    if options.wanted.preset is None:
        require_used(options.masks, options.wanted.refs, option="--use ")
    photos = photo_paths(options.photos)
    masking = compose_masked(
        options.wanted, session, photos=photos, given=options.masks.keys(), no_mask=options.no_mask
    )
    chosen = masking.composed.chosen
    settings = settle(options.choices, chosen.base.spec, [build.manifest.adapter for build in chosen.builds])
    names = [build.manifest.name.name for build in chosen.builds]
    jobs = photo_jobs(options.photos, options.outputs, adapters=names)
    if options.from_latents is not None and len(jobs) > 1:
        raise UsageProblem(
            f"`--from-latents` is for one photo, these are {len(jobs)}", hint="give the photo that was sampled"
        )
    if options.masks and len(jobs) > 1:
        raise UsageProblem(
            f"`--mask` is for one photo, these are {len(jobs)}", hint="give the photo that it belongs to"
        )
    prepared = Prepared(masking, settings, jobs)
    if options.save_masks and prepared.masks == 0:
        raise UsageProblem(
            "`--save-masks` has nothing to save: no adapter of this run is masked",
            hint="pass `--mask NAME=FILE` for an adapter with a masked build",
        )
    return prepared


def plan_animation(options: AnimateOptions, session: Session) -> AnimationPlan:
    """What `animate_photos` would do; nothing is installed, loaded or written, but every photo is read.

    Raises:
        MivaError: what would go wrong with a single photo; and all that `prepare` raises.
    """
    prepared = prepare(options, session)
    for job in prepared.jobs:
        check_outputs(job.outputs, force=options.force)
    photos = tuple(_planned(job, prepared) for job in prepared.jobs)
    if len(photos) == 1 and photos[0].problem is not None:
        raise photos[0].problem
    builds = prepared.composed.chosen.builds
    missing = tuple(
        f"{build.label} from {build.candidate.registry}" for build in builds if not build.candidate.installed
    )
    base = prepared.composed.chosen.base.spec
    seconds = estimate(session.settings.home, base, prepared.settings, adapters=len(builds))
    return AnimationPlan(prepared, photos, missing, seconds)


def animate_photos(
    options: AnimateOptions,
    session: Session,
    *,
    progress: Progress | None = None,
    done: Callable[[AnimateResult], None] = lambda _: None,
) -> Animation:
    """Animate all photos; one that fails does not stop the others.

    With several photos, those whose clip is there already, made the same way, are not rendered again.

    Args:
        done: told about each clip as soon as it is written.

    Raises:
        MivaError: what is wrong with the only photo; and all that `prepare` and installing raise.
        Interrupted: Ctrl-C.
    """
    progress = progress or SilentProgress()
    prepared = prepare(options, session)
    chosen = prepared.composed.chosen
    for note in prepared.notes:
        progress.note(note)
    for job in prepared.jobs:
        check_outputs(job.outputs, force=options.force)
    if len(prepared.jobs) == 1:
        # A photo that is none is told at once, before anything is loaded.
        frame_size(prepared.jobs[0].photo, prepared.settings, whole=prepared.moves_everything)
    uses = install_composed(prepared.composed, session, yes=options.wanted.yes, progress=progress)
    outcome = _Batch(options, prepared, uses, session=session, progress=progress).run(done)
    if len(prepared.jobs) == 1 and outcome.failed:
        raise outcome.failed[0].error
    return replace(outcome, base=chosen.base.spec.name, reason=chosen.reason)


def _planned(job: PhotoJob, prepared: Prepared) -> PlannedPhoto:
    try:
        photo, clip = frame_size(job.photo, prepared.settings, whole=prepared.moves_everything)
    except MivaError as error:
        return PlannedPhoto(job.photo, job.outputs, None, None, error)
    return PlannedPhoto(job.photo, job.outputs, photo, clip, None)


class _Batch:
    """The photos of one call; base and adapters are loaded when the first photo needs them."""

    def __init__(
        self,
        options: AnimateOptions,
        prepared: Prepared,
        uses: tuple[AdapterUse, ...],
        *,
        session: Session,
        progress: Progress,
    ) -> None:
        self._options = options
        self._prepared = prepared
        self._uses = uses
        self._session = session
        self._progress = progress
        self._studio: Studio | None = None
        self._load_seconds = 0.0

    def run(self, done: Callable[[AnimateResult], None]) -> Animation:
        """All jobs, in their order."""
        made: list[AnimateResult] = []
        kept: list[PhotoJob] = []
        failed: list[FailedPhoto] = []
        jobs = self._prepared.jobs
        for number, job in enumerate(jobs, start=1):
            if len(jobs) > 1:
                self._progress.note(f"{number} of {len(jobs)}: {job.photo}")
                if not self._options.force and is_finished(job, self._uses, self._prepared):
                    kept.append(job)
                    continue
            studio = self._loaded()
            try:
                made.append(self._render(job, studio))
                done(made[-1])
            except Interrupted:
                raise
            except MivaError as error:
                failed.append(FailedPhoto(job.photo, error))
        return Animation("", "", tuple(made), tuple(kept), tuple(failed))

    def _render(self, job: PhotoJob, studio: Studio) -> AnimateResult:
        request = AnimateRequest(
            photo=job.photo,
            settings=self._prepared.settings,
            outputs=job.outputs,
            tools={"mivactl": version()},
            latents=self._session.settings.home / LATENTS_FOLDER,
            from_latents=self._options.from_latents,
            command=self._options.command if len(self._prepared.jobs) == 1 else "",
            masks={str(name): path for name, path in self._options.masks.items()},
            found={str(name): mask for name, mask in self._prepared.masking.found_in(job.photo).items()},
            save_masks=self._options.save_masks,
        )
        result = animate(studio, request, self._progress)
        remember(
            self._session.settings.home,
            self._prepared.composed.chosen.base.spec,
            self._prepared.settings,
            adapters=len(self._uses),
            seconds={**result.seconds, "loading": self._load_seconds},
        )
        return result

    def _loaded(self) -> Studio:
        if self._studio is None:
            started = time.monotonic()
            request = StudioRequest(
                base=self._prepared.composed.chosen.base.folder,
                adapters=self._uses,
                verdicts=self._session.store.layout.verdicts,
                device=self._prepared.settings.device,
                dtype=self._prepared.settings.dtype,
                memory=self._options.vram,
                compiled=self._options.compiled,
                clip=self._prepared.settings.clip,
            )
            self._studio = load_studio(request, self._progress)
            self._load_seconds = time.monotonic() - started
        return self._studio

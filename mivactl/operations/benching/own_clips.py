"""Makes the clips of our own methods, one studio for each set of adapters; those that are there are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl import version
from mivactl.engine_bridge import AnimateRequest, StudioRequest, animate, clip_place, load_studio
from mivactl.operations.animate import Prepared
from mivactl.operations.clip_outputs import is_finished
from mivactl.operations.composition import install_composed
from mivactl.operations.masking import Masking
from mivactl.operations.photo_jobs import PhotoJob

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.engine_bridge import AdapterUse, BenchCase, BenchRun, Phase, Progress, Studio
    from mivactl.operations.benching.own_methods import ComposedGroup
    from mivactl.operations.benching.suite import SuiteOptions
    from mivactl.operations.composition import Composed
    from mivactl.session import Session
    from registry_schema.receipt import RunSettings

JOINT = "joint-softmax"


class OwnClips:
    """The clips of our methods in a run's folder."""

    def __init__(
        self,
        run: BenchRun,
        options: SuiteOptions,
        groups: dict[str, ComposedGroup],
        session: Session,
        progress: Progress,
    ) -> None:
        self._run, self._folder, self._groups = run, options.out, groups
        self._session, self._progress, self._yes = session, progress, options.yes
        self._loaded: tuple[tuple[AdapterUse, ...], Studio] | None = None

    def make(self) -> None:
        """All of them; raises what `animate` does."""
        by_group = {name: [case for case in self._run.cases if case.group == name] for name in self._groups}
        jobs = [
            (by_group[name], method.name, composed, settings, self._uses(composed, settings))
            for name, group in self._groups.items()
            for method, composed, settings in group.methods
        ]
        with self._progress.phase("clips", sum(len(cases) for cases, *_ in jobs)) as phase:
            for cases, method, composed, settings, uses in jobs:
                self._make(cases, method, composed, settings, uses=uses, phase=phase)

    def _uses(self, composed: Composed, settings: RunSettings) -> tuple[AdapterUse, ...]:
        uses = install_composed(composed, self._session, yes=self._yes, progress=self._progress)
        return tuple(use.joined() for use in uses) if settings.variant == JOINT else uses

    def _make(
        self,
        cases: Sequence[BenchCase],
        method: str,
        composed: Composed,
        settings: RunSettings,
        *,
        uses: tuple[AdapterUse, ...],
        phase: Phase,
    ) -> None:
        for case in cases:
            place = clip_place(self._folder, case.name, method)
            job = PhotoJob(self._folder / case.photo, (place,))
            if is_finished(job, uses, Prepared(Masking(composed), settings, (job,))):
                phase.advance()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            studio = self._studio(composed, uses, settings)
            request = AnimateRequest(
                photo=job.photo,
                settings=settings,
                outputs=job.outputs,
                tools={"mivactl": version()},
                masks=self._masks(case, uses),
            )
            animate(studio, request)
            phase.advance()

    def _masks(self, case: BenchCase, uses: tuple[AdapterUse, ...]) -> dict[str, Path]:
        """The case's mask for every adapter that takes one."""
        mask = case.mask
        return {} if mask is None else {str(use.record.name): self._folder / mask for use in uses if use.spec.masked}

    def _studio(self, composed: Composed, uses: tuple[AdapterUse, ...], settings: RunSettings) -> Studio:
        """A base with these adapters; the one before if only weights differ."""
        if self._loaded is None or [_same(use) for use in self._loaded[0]] != [_same(use) for use in uses]:
            self._loaded = None
            request = StudioRequest(
                base=composed.chosen.base.folder,
                adapters=uses,
                verdicts=self._session.store.layout.verdicts,
                device=settings.device,
                dtype=settings.dtype,
                clip=settings.clip,
            )
            self._loaded = (uses, load_studio(request))
        return self._loaded[1].at([use.record.weight for use in uses])


def _same(use: AdapterUse) -> tuple[object, ...]:
    return use.record.weights, use.spec

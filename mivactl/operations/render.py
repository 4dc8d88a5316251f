"""Animate one photo in memory; its clip is written where and when a person says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl import version
from mivactl.engine_bridge import AnimateRequest, StudioRequest, load_studio, render, settle, write_rendered
from mivactl.operations.clip_outputs import check_outputs
from mivactl.operations.composition import install_composed
from mivactl.operations.masking import compose_masked

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import AnimateResult, Progress, Rendered, RunChoices, Studio
    from mivactl.operations.composition import Wanted
    from mivactl.session import Session


@dataclass(frozen=True)
class RenderedPhoto:
    """A clip in memory, with all that writing it takes."""

    studio: Studio
    rendered: Rendered
    request: AnimateRequest
    notes: tuple[str, ...]

    def write(self, output: Path, *, force: bool, progress: Progress) -> AnimateResult:
        """Write the clip with its receipt, in the format the suffix names.

        Raises:
            Busy: a file is there that mivactl did not write, and `force` is not set.
            UsageProblem, ResourceProblem: it can not be written.
        """
        check_outputs((output,), force=force)
        return write_rendered(self.studio, self.rendered, replace(self.request, outputs=(output,)), progress)


def render_one(
    photo: Path, wanted: Wanted, choices: RunChoices, session: Session, *, progress: Progress
) -> RenderedPhoto:
    """The clip of one photo, in memory; raises what `animate_photos` does."""
    masking = compose_masked(wanted, session, photos=(photo,), given=(), no_mask=False)
    composed = masking.composed
    chosen = composed.chosen
    settings = settle(choices, chosen.base.spec, [build.manifest.adapter for build in chosen.builds])
    uses = install_composed(composed, session, yes=wanted.yes, progress=progress)
    loading = StudioRequest(
        base=chosen.base.folder,
        adapters=uses,
        verdicts=session.store.layout.verdicts,
        device=settings.device,
        dtype=settings.dtype,
    )
    studio = load_studio(loading, progress)
    request = AnimateRequest(
        photo=photo,
        settings=settings,
        outputs=(),
        tools={"mivactl": version()},
        found={str(name): mask for name, mask in masking.found_in(photo).items()},
    )
    fits = tuple(f"{build.label}: {build.note}" for build in chosen.builds if build.note)
    weights = (composed.note,) if composed.note else ()
    notes = (f"base {chosen.base.spec.name}: {chosen.reason}", *fits, *weights, *masking.notes)
    return RenderedPhoto(studio, render(studio, request, progress), request, notes)

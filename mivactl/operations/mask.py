"""Find the subject of an adapter in a photo, or in every frame of training clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.engine_bridge import (
    MOVING_SUFFIXES,
    Box,
    ClipMasksRequest,
    MaskHints,
    MaskRequest,
    Point,
    SilentProgress,
    Subject,
    mask_clips,
    mask_photo,
)
from mivactl.operations.info import info
from mivactl.operations.weights import segmenter_folder
from registry_schema.errors import Busy, UsageProblem
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import ClipMaskResult, MaskResult, Progress
    from mivactl.session import Session

_PREVIEW = "-preview.jpg"


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """What is looked for, and where.

    Attributes:
        adapter: its phrases are looked for.
        phrases: looked for instead of the adapter's, or without one.
        boxes: `left,top,width,height` in pixels, around the subject.
        points: `x,y` in pixels, on the subject.
        preview: show what was found.
        force: replace files.
    """

    adapter: str | None = None
    phrases: tuple[str, ...] = ()
    boxes: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    preview: bool = False
    force: bool = False


def is_clips(path: Path) -> bool:
    """Whether something is a clip or a folder of clips, and not a photo."""
    return path.is_dir() or path.suffix.lower() in MOVING_SUFFIXES


def mask_one_photo(  # noqa: PLR0913 - one parameter for each choice
    photo: Path,
    output: Path | None,
    options: MaskOptions,
    session: Session,
    *,
    drawn: Path | None = None,
    inverted: bool = False,
    progress: Progress | None = None,
) -> MaskResult:
    """The mask of a photo, as a file.

    Args:
        photo: a file.
        output: the PNG; beside the photo, with `-mask` in its name, if left out.
        options: what is looked for.
        session: knows the adapters and the segmenter.
        drawn: a mask file of the person's own, to be read and checked.
        inverted: whether white and black change places.
        progress: told what is done.

    Raises:
        UsageProblem: options that do not go together, or as `mask_photo`.
        NotFound: no such adapter or photo; nobody here can look for it; or it was not found.
        Busy: a file is there already, and `force` is off.
        IntegrityProblem: a damaged file, or a broken segmenter.
    """
    output = output or photo.with_name(f"{photo.stem}-mask.png")
    preview = output.with_name(f"{output.stem}{_PREVIEW}") if options.preview else None
    if output.suffix.lower() != ".png":
        raise UsageProblem(f"`{output.name}` is no PNG, masks are", hint=f"pass `-o {output.stem}.png`")
    for path in (output, preview):
        if path is not None and path.exists() and not options.force:
            raise Busy(f"`{path}` exists already", hint="name another file with `-o`, or add `--force`")
    request = MaskRequest(
        photo=photo,
        subject=_subject(options, session),
        output=output,
        hints=hints_of(options),
        segmenter=segmenter_folder(session),
        drawn=drawn,
        inverted=inverted,
        preview=preview,
    )
    return mask_photo(request, progress or SilentProgress())


def mask_all_clips(
    clips: Path, options: MaskOptions, session: Session, *, progress: Progress | None = None
) -> tuple[ClipMaskResult, ...]:
    """Masks beside a clip, or beside every clip of a folder.

    Raises:
        UsageProblem, NotFound, IntegrityProblem, ResourceProblem: as `mask_clips`.
    """
    request = ClipMasksRequest(
        clips=clips,
        subject=_subject(options, session),
        hints=hints_of(options),
        segmenter=segmenter_folder(session),
        force=options.force,
        preview=options.preview,
    )
    return mask_clips(request, progress or SilentProgress())


def hints_of(options: MaskOptions) -> MaskHints:
    """The boxes and points that were given; raises `UsageProblem` for text that is none."""
    boxes = tuple(Box(*_numbers("--box", text, "left,top,width,height")) for text in options.boxes)
    points = tuple(Point(*_numbers("--point", text, "x,y")) for text in options.points)
    return MaskHints(boxes, points)


def _numbers(option: str, text: str, form: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != form.count(",") + 1:
        raise UsageProblem(f"`{option} {text}` is not `{form}` in pixels", hint=f"pass for example `{_example(form)}`")
    return numbers


def _example(form: str) -> str:
    return "--point 320,180" if form == "x,y" else "--box 200,120,240,160"


def _subject(options: MaskOptions, session: Session) -> Subject | None:
    if options.adapter is None:
        return Subject(options.phrases[0], options.phrases) if options.phrases else None
    found = info(AdapterRef.parse(options.adapter), session)
    spec = found.builds[0].manifest.adapter
    if spec.region == "whole" and not options.phrases:
        raise UsageProblem(
            f"`{found.name}` moves the whole picture, so it has no subject to be masked",
            hint="run it without a mask, or say what to look for with `--phrase WORDS`",
        )
    return Subject(spec.motion, options.phrases or spec.subjects)

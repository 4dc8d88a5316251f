"""Render a clip again from its receipt, and say how near it comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal

from mivactl import version
from mivactl.engine_bridge import (
    UNASKED,
    AnimateRequest,
    SilentProgress,
    StudioRequest,
    animate,
    clip_receipt,
    compare_clips,
    frame_size,
    load_studio,
    photo_pixels,
)
from mivactl.operations.candidates import request_for
from mivactl.operations.clip_outputs import check_outputs
from mivactl.operations.composition import Wanted, compose_wanted, install_composed
from mivactl.operations.masking import unasked_masks
from mivactl.operations.photo_jobs import PHOTO_SUFFIXES
from registry_schema.digests import Digest
from registry_schema.errors import Incompatible, IntegrityProblem, NotFound
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mivactl.engine_bridge import AnimateResult, FoundMask, Progress, Studio
    from mivactl.operations.choosing import ChosenBuild
    from mivactl.operations.composition import Composed
    from mivactl.session import Session
    from registry_schema.names import AdapterName
    from registry_schema.receipt import AdapterRecord, Receipt

CLOSE_PSNR: Final = 32.0
"""From here on, the eye takes two frames for the same; another machine's rounding stays above it."""
_PHOTOS_LOOKED_AT: Final = 500

Verdict = Literal["same", "close", "different"]


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """What is rendered again.

    Attributes:
        clip: a clip that mivactl wrote.
        output: where the new clip goes; None compares and keeps nothing.
        photo: the photo, if it does not lie beside the clip or in the current folder.
        yes: whether adapters from other registries than the starter may be installed.
        force: replace a file that mivactl did not write.
        masks: the files of the receipt's masks, by adapter.
    """

    clip: Path
    output: Path | None = None
    photo: Path | None = None
    yes: bool = False
    force: bool = False
    masks: Mapping[AdapterName, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Replay:
    """How near the new clip is.

    Attributes:
        verdict: `same` if the base's frames are bit for bit those of the receipt; `close` if the eye sees no
            difference.
        psnr: of the new clip against the old one, mean over frames in dB; infinite when equal.
        changed: versions that are not those of the receipt, `torch 2.8.0 -> 2.13.0`.
    """

    verdict: Verdict
    psnr: float
    worst_psnr: float
    photo: Path
    output: Path | None
    receipt: Receipt
    changed: tuple[str, ...]
    result: AnimateResult


def replay(options: ReplayOptions, session: Session, *, progress: Progress | None = None) -> Replay:
    """Render a clip again.

    Raises:
        NotFound: no clip, no receipt in it, no photo, or an adapter nobody has.
        IntegrityProblem: the receipt was edited, or the photo is another one.
        Incompatible: the base is not the one of the receipt.
    """
    progress = progress or SilentProgress()
    receipt = require_receipt(options.clip)
    photo = _find_photo(receipt, options)
    _require_masks(receipt, options)
    composed = _compose_again(receipt, session)
    for build in composed.chosen.builds:
        if build.note:
            progress.note(f"{build.label}: {build.note}")
    frame_size(photo, receipt.settings, whole=False)
    with TemporaryDirectory(prefix="mivactl-replay-") as scratch:
        output = options.output or Path(scratch) / f"replay{options.clip.suffix}"
        check_outputs([output], force=options.force)
        studio = _open_studio(receipt, composed, session, options=options, progress=progress)
        request = AnimateRequest(
            photo=photo,
            settings=receipt.settings,
            outputs=(output,),
            tools={"mivactl": version()},
            masks={str(name): path for name, path in options.masks.items()},
            found=_found_again(receipt, composed, photo, session, given=options.masks),
        )
        result = animate(studio, request, progress)
        _require_same_masks(receipt, result.receipt)
        compared = compare_clips(options.clip, output)
    same = result.receipt.output.frames == receipt.output.frames
    return Replay(
        verdict="same" if same else _verdict(compared.psnr),
        psnr=compared.psnr,
        worst_psnr=compared.worst_psnr,
        photo=photo,
        output=options.output,
        receipt=receipt,
        changed=_changed(receipt, result.receipt),
        result=result,
    )


def require_receipt(clip: Path) -> Receipt:
    """The receipt in a clip, verified.

    Raises:
        NotFound: no such file, or no receipt in it.
        IntegrityProblem: it was edited.
    """
    if not clip.is_file() and not clip.is_dir():
        raise NotFound(f"clip `{clip}` does not exist", hint="give a clip that `mivactl animate` wrote")
    receipt = clip_receipt(clip)
    if receipt is None:
        raise NotFound(
            f"`{clip}` carries no receipt", hint="give a clip that `mivactl animate` wrote, as it was written"
        )
    return receipt


def _verdict(psnr: float) -> Verdict:
    return "close" if psnr >= CLOSE_PSNR else "different"


def _find_photo(receipt: Receipt, options: ReplayOptions) -> Path:
    """The photo by its digest: where it was named, else beside the clip, else in the current folder."""
    if options.photo is not None:
        if not _is_file_of(options.photo, receipt.photo.digest) and not _has_pixels(options.photo, receipt):
            raise IntegrityProblem(
                f"`{options.photo}` is not the photo of the receipt, `{receipt.photo.name}`",
                hint=f"its digest is `{receipt.photo.digest}`",
            )
        return options.photo
    for path in _places(receipt, options.clip):
        if _is_file_of(path, receipt.photo.digest):
            return path
    raise NotFound(
        f"the photo `{receipt.photo.name}` lies neither beside the clip nor in the current folder",
        hint=f"pass `--photo`, its digest is `{receipt.photo.digest}`",
    )


def _require_masks(receipt: Receipt, options: ReplayOptions) -> None:
    """Make sure that a file was named for each mask of the receipt that a person had given.

    Raises:
        NotFound: none was.
    """
    for mask in receipt.settings.masks.given if receipt.settings.masks else ():
        if mask.adapter not in options.masks and mask.source not in UNASKED:
            label = str(mask.adapter).removeprefix("miva/")
            raise NotFound(
                f"the clip was made with a mask of `{label}`, {mask.source}", hint=f"pass `--mask {label}=FILE`"
            )


def _found_again(
    receipt: Receipt, composed: Composed, photo: Path, session: Session, *, given: Mapping[AdapterName, Path]
) -> dict[str, FoundMask]:
    """The masks of the receipt that were found unasked; see `Masking.found_in`."""
    masks = receipt.settings.masks.given if receipt.settings.masks else ()
    names = {mask.adapter for mask in masks if mask.adapter not in given}
    found = unasked_masks(composed, names, session).found_in(photo)
    return {str(name): mask for name, mask in found.items()}


def _require_same_masks(receipt: Receipt, again: Receipt) -> None:
    before, after = receipt.settings.masks, again.settings.masks
    for old, new in zip(before.given if before else (), after.given if after else (), strict=True):
        if old.digest != new.digest:
            what = f"the mask that {new.source} gives" if new.source in UNASKED else f"`{new.source}`"
            raise IntegrityProblem(
                f"{what} is not the mask of the receipt, {old.source}", hint=f"its digest is `{old.digest}`"
            )


def _places(receipt: Receipt, clip: Path) -> Iterator[Path]:
    """First files of the photo's name, then any photo."""
    folders = list(dict.fromkeys((clip.parent, Path())))
    for folder in folders:
        yield folder / receipt.photo.name
    for folder in folders:
        photos = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in PHOTO_SUFFIXES)
        yield from list(photos)[:_PHOTOS_LOOKED_AT]


def _is_file_of(path: Path, digest: Digest) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return Digest.of_stream(file) == digest
    except OSError:
        return False


def _has_pixels(path: Path, receipt: Receipt) -> bool:
    """The same picture in another file will do: only its pixels reach the base."""
    return photo_pixels(path) == receipt.photo.pixels


def _compose_again(receipt: Receipt, session: Session) -> Composed:
    base = session.base(str(receipt.base.name)).spec
    if base.base_identity != receipt.base:
        raise Incompatible(
            f"base `{base.name}` on this machine has weights `{base.weights.hex[:12]}`, "
            f"the clip was made with `{receipt.base.weights.hex[:12]}`",
            hint="install the version of mivactl that the receipt names: "
            f"`pip install mivactl=={receipt.versions.get('mivactl', '')}`",  # type: ignore[call-overload]
        )
    refs = tuple(_reference(adapter, session) for adapter in receipt.adapters)
    composed = compose_wanted(Wanted(refs=refs, base=str(base.name)), session)
    for record, build in zip(receipt.adapters, composed.chosen.builds, strict=True):
        _require_recorded(record, build)
    return composed


def _require_recorded(record: AdapterRecord, build: ChosenBuild) -> None:
    """Make sure that a build is what the receipt says of it; another build of the same weights has its own version.

    Raises:
        IntegrityProblem: it is not, so the receipt contradicts itself.
    """
    manifest = build.manifest
    facts = [("weights", str(record.weights), str(manifest.weights.digest))]
    if build.candidate.line.manifest.digest == record.manifest:
        facts.append(("version", str(record.version), str(manifest.version)))
    for what, recorded, found in facts:
        if recorded != found:
            raise IntegrityProblem(
                f"the receipt states {what} `{recorded}` of an adapter whose build has `{found}`",
                hint="the receipt was made up or edited; do not trust what it says",
            )


def _reference(record: AdapterRecord, session: Session) -> AdapterRef:
    """The build of the receipt or, where nobody has it, one with the same weights.

    A preview was made before the build that it is published in, whose manifest its receipt can therefore not name.
    """
    ref = AdapterRef(name=record.name, spec=record.manifest, weight=record.weight)
    lines = [candidate.line for candidate in request_for(ref, session).candidates]
    if any(line.manifest.digest == record.manifest for line in lines):
        return ref
    alike = next((line for line in lines if line.weights.digest == record.weights), None)
    return ref if alike is None else replace(ref, spec=alike.manifest.digest)


def _open_studio(
    receipt: Receipt, composed: Composed, session: Session, *, options: ReplayOptions, progress: Progress
) -> Studio:
    uses = install_composed(composed, session, yes=options.yes, progress=progress)
    if receipt.settings.variant == "joint-softmax":
        uses = tuple(use.joined() for use in uses)
    request = StudioRequest(
        base=composed.chosen.base.folder,
        adapters=uses,
        verdicts=session.store.layout.verdicts,
        device="auto",
        dtype=receipt.settings.dtype,
        memory=receipt.settings.memory or "auto",
        clip=receipt.settings.clip,
    )
    return load_studio(request, progress)


def _changed(before: Receipt, after: Receipt) -> tuple[str, ...]:
    """Versions and devices that can make a difference."""
    versions = [
        f"{tool} {old} -> {after.versions[tool]}"
        for tool, old in before.versions.items()
        if after.versions.get(tool, old) != old
    ]
    was, now = before.settings.device, after.settings.device
    return (*versions, *([f"device {was} -> {now}"] if was != now else ()))

"""The demo: draw the sample picture, animate it with two adapters, and compare with a stored result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal

from mivactl.disk import disk_errors
from mivactl.engine_bridge import SilentProgress, compare_clips, write_sample_picture, write_small_copy
from mivactl.operations.animate import AnimateOptions, animate_photos
from mivactl.operations.clip_outputs import check_outputs
from mivactl.operations.composition import Wanted
from registry_schema.digests import Digest
from registry_schema.errors import Busy, NotFound
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from mivactl.engine_bridge import AnimateResult, Progress
    from mivactl.session import Session
    from registry_schema.receipt import Receipt

ADAPTERS: Final = ("waterfall:0.5", "clouds:0.5")
BASE: Final = "nano"
CLOSE_PSNR: Final = 30.0
"""Between the stored clip, which is small and compressed, and a new one brought to its size."""
_SAMPLES: Final = Path(__file__).parent.parent / "samples"
_EXPECTED_CLIP: Final = "demo.webp"
_EXPECTED_WIDTH: Final = 320
_EXPECTED_FACTS: Final = "demo.json"

Verdict = Literal["same", "close", "different"]


@dataclass(frozen=True)
class Verification:
    """How near the demo comes to the stored result; `psnr` in dB, infinite when equal."""

    verdict: Verdict
    psnr: float


@dataclass(frozen=True)
class Demo:
    """The picture, the clip, and the comparison if one was asked for."""

    picture: Path
    clip: Path
    result: AnimateResult
    verification: Verification | None


def demo(
    folder: Path,
    session: Session,
    *,
    verify: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    done: Callable[[AnimateResult], None] = lambda _: None,
) -> Demo:
    """Write `demo.png` and `demo.mp4` into `folder`; needs no network.

    Args:
        verify: compare with the result stored in the package.
        force: replace files of these names that are others.

    Raises:
        NotFound: this package has no stored result, or its starter adapters are missing.
        Busy, UsageProblem, ResourceProblem: the folder or its files.
    """
    progress = progress or SilentProgress()
    picture, clip = folder / "demo.png", folder / "demo.mp4"
    check_outputs([clip], force=force)
    expected = _expected(_SAMPLES) if verify else None
    with progress.phase("drawing", None), disk_errors(picture):
        _draw(picture, force=force)
    result = _render(picture, clip, session, progress=progress, done=done)
    return Demo(picture, clip, result, None if expected is None else _verified(expected, result, clip))


def _draw(picture: Path, *, force: bool) -> None:
    """Draw into a fresh file, then put it in place; a picture that is there must be the same one."""
    fresh = picture.with_name(f".{picture.name}")
    try:
        write_sample_picture(fresh)
        if picture.exists() and not force and picture.read_bytes() != fresh.read_bytes():
            hint = "pass `-o` with another folder, or `--force` to replace it"
            raise Busy(f"`{picture}` is there already, and is another picture", hint=hint)
        fresh.replace(picture)
    finally:
        fresh.unlink(missing_ok=True)


def store_expected(session: Session, folder: Path = _SAMPLES, *, progress: Progress | None = None) -> None:
    """Make the stored result anew: for developers, after the base or the starter adapters changed."""
    with TemporaryDirectory(prefix="mivactl-demo-") as scratch:
        made = demo(Path(scratch), session, progress=progress)
        folder.mkdir(parents=True, exist_ok=True)
        write_small_copy(made.clip, folder / _EXPECTED_CLIP, width=_EXPECTED_WIDTH)
    receipt = made.result.receipt
    facts = {"frames": receipt.output.frames, "made_of": _made_of(receipt)}
    (folder / _EXPECTED_FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")


def _render(
    picture: Path,
    clip: Path,
    session: Session,
    *,
    progress: Progress,
    done: Callable[[AnimateResult], None],
) -> AnimateResult:
    refs = tuple(AdapterRef.parse(text) for text in ADAPTERS)
    options = AnimateOptions(
        photos=(str(picture),), outputs=(str(clip),), wanted=Wanted(refs=refs, base=BASE), force=True
    )
    return animate_photos(options, session, progress=progress, done=done).made[0]


@dataclass(frozen=True)
class _Expected:
    clip: Path
    frames: Digest
    made_of: list[str]


def _expected(folder: Path) -> _Expected:
    try:
        facts = json.loads((folder / _EXPECTED_FACTS).read_text())
        clip = folder / _EXPECTED_CLIP
        if not clip.is_file():
            raise FileNotFoundError(clip)
    except (OSError, ValueError) as error:
        raise NotFound("this mivactl has no stored demo to compare with", hint="install a released version") from error
    return _Expected(clip, Digest(facts["frames"]), list(facts["made_of"]))


def _verified(expected: _Expected, result: AnimateResult, clip: Path) -> Verification:
    if _made_of(result.receipt) != expected.made_of:
        raise NotFound(
            "the stored demo was made with another base or other adapters than those installed",
            hint="run `mivactl uninstall waterfall clouds` to get back those of this mivactl",
        )
    if result.receipt.output.frames == expected.frames:
        return Verification("same", float("inf"))
    psnr = compare_clips(expected.clip, clip).psnr
    return Verification("close" if psnr >= CLOSE_PSNR else "different", psnr)


def _made_of(receipt: Receipt) -> list[str]:
    return [str(receipt.base.weights), *(str(adapter.weights) for adapter in receipt.adapters)]

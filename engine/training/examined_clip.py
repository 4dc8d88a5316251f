"""One clip, decoded to its end: its facts, its windows, and what is wrong with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.clip_findings import ClipVerdict, Finding, FindingKind
from engine.training.clip_checks import clip_findings
from engine.training.clip_folder import looks_like_a_clip
from engine.training.durable import file_digest
from engine.training.windows import ClipFacts, WindowProblem, windows_of
from engine.video.clip_reader import CLIP_SUFFIXES, MAX_BYTES, read_clip
from engine.video.likeness import likeness
from engine.video.picture_decoder import RATE_FILE, folder_pictures
from engine.video.shots import cuts
from engine.video.small_frames import small_frames
from engine.video.stillness import busiest_place
from registry_schema.errors import IntegrityProblem, MivaError, ResourceProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.recipe import ClipChoice
    from engine.training.windows import Window
    from engine.video.clip_reader import Clip
    from engine.video.likeness import Likeness
    from registry_schema.clip_shape import ClipShape

# frames are shrunk to this many times the base's longer side as they are decoded: memory for clips of any size
DECODED_SIDES = 4
# what a contact sheet shows of a clip
GLIMPSES, GLIMPSE_SIDE = 6, 160


@dataclass(frozen=True, eq=False)
class ExaminedClip:
    """A clip and what was found in it.

    Attributes:
        path: of the file or folder.
        findings: the worst first.
        facts: none where it can not be decoded.
        windows: earliest first; none where there is none.
        look: to be held against other clips.
        glimpses: a few small frames `k h w 3` from first to last.
        seconds: how long it plays.
    """

    path: Path
    findings: tuple[Finding, ...]
    facts: ClipFacts | None = None
    windows: tuple[Window, ...] = ()
    look: Likeness | None = None
    glimpses: NDArray[np.uint8] | None = None
    seconds: float = 0.0

    def verdict(self) -> ClipVerdict:
        """The findings and the clip's measures."""
        facts = self.facts
        return ClipVerdict(
            path=self.path,
            findings=self.findings,
            frames=0 if facts is None else len(facts.times),
            seconds=self.seconds,
            width=0 if facts is None else facts.width,
            height=0 if facts is None else facts.height,
            windows=len(self.windows),
        )

    def with_finding(self, finding: Finding) -> ExaminedClip:
        """The same clip with one more thing found."""
        return replace(self, findings=(*self.findings, finding))


def examine_clip(
    path: Path, shape: ClipShape, choice: ClipChoice, *, seed: int, max_bytes: int = MAX_BYTES
) -> ExaminedClip:
    """What training makes of a clip; nothing that is wrong with the clip is raised, all of it is found.

    Args:
        path: of the file or folder.
        shape: of the base.
        choice: what is taken of a clip.
        seed: of the run.
        max_bytes: the most memory that its frames may take.
    """
    if not looks_like_a_clip(path):
        expected = f"expected {', '.join(sorted(CLIP_SUFFIXES))} or a folder of frames"
        return ExaminedClip(path, (Finding("no-clip", False, f"it is no clip, {expected}", "move it elsewhere"),))
    try:
        clip = decode(path, shape, max_bytes=max_bytes)
    except MivaError as problem:
        return ExaminedClip(path, (_damage(path, problem),))
    glance = small_frames(clip.frames)
    facts = facts_of(path, clip, glance, shape)
    findings = list(clip_findings(path, clip, glance, facts, shape))
    windows: tuple[Window, ...] = ()
    try:
        windows = windows_of(facts, shape, choice, seed=seed)
    except WindowProblem as problem:
        # says the same, and more
        findings = [finding for finding in findings if finding.kind != problem.kind]
        findings.insert(0, Finding(problem.kind, False, problem.reason, problem.hint))
    taken = np.linspace(0, len(clip.frames) - 1, min(GLIMPSES, len(clip.frames))).round().astype(int)
    return ExaminedClip(
        path=path,
        findings=tuple(findings),
        facts=facts,
        windows=windows,
        look=likeness(clip.frames),
        glimpses=small_frames(clip.frames[taken], long_side=GLIMPSE_SIDE),
        seconds=clip.seconds,
    )


def twin_finding(clip: ExaminedClip, earlier: Sequence[ExaminedClip]) -> Finding | None:
    """What to say of a clip that was there before, in the same bytes or nearly in the same pictures."""
    if clip.facts is None or clip.look is None:
        return None
    for other in earlier:
        if other.facts is None or other.look is None:
            continue
        if clip.facts.digest == other.facts.digest:
            return Finding(
                "duplicate", True, f"it is the same as `{other.path.name}`", _keep_one("duplicate", other.path)
            )
        if clip.look.is_like(other.look):
            reason = f"it looks like `{other.path.name}` from beginning to end"
            return Finding("near-duplicate", True, reason, _keep_one("near-duplicate", other.path))
    return None


def _keep_one(kind: FindingKind, kept: Path) -> str:
    return f"keep one of them: a clip that is there twice weighs twice; `--leave-out {kind}` keeps `{kept.name}`"


def decode(path: Path, shape: ClipShape, *, max_bytes: int = MAX_BYTES) -> Clip:
    """All frames of a clip, large ones shrunk to what `shape` can use."""
    return read_clip(path, max_bytes=max_bytes, long_side=DECODED_SIDES * max(shape.height, shape.width))


def facts_of(path: Path, clip: Clip, glance: NDArray[np.uint8], shape: ClipShape) -> ClipFacts:
    """What the windows of a decoded clip are computed from; `glance` are its frames, small."""
    _, height, width, _ = clip.frames.shape
    return ClipFacts(
        digest=clip_digest(path),
        times=tuple(float(time) for time in clip.times),
        height=height,
        width=width,
        cuts=cuts(glance),
        busiest=busiest_place(glance, shape.width / shape.height),
    )


def clip_digest(path: Path) -> str:
    """The digest of a clip's bytes; of names and bytes for a folder of frames, and of the rate stated beside them."""
    if path.is_file():
        return file_digest(path)
    parts = [f"{file.name}:{file_digest(file)}" for file in (*folder_pictures(path), path / RATE_FILE) if file.exists()]
    return "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _damage(path: Path, problem: MivaError) -> Finding:
    # the file is named once, in front of all that is said about it
    reason = problem.message.replace(f"clip `{path.name}`", "it", 1)
    kind: FindingKind = "corrupt"
    if isinstance(problem, ResourceProblem):
        kind = "too-large"
    elif not isinstance(problem, IntegrityProblem):
        kind = "no-clip"
    return Finding(kind, False, reason, problem.hint or "copy it again, or leave it out")

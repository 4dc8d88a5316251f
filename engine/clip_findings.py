"""What can be wrong with a training clip, as data; free of torch.

| kind | a clip with it |
|---|---|
| `no-clip`, `corrupt`, `too-large`, `too-short` | can not be used |
| `frame-rate`, `scene-cut` | can not be used where they leave no window; else is used, and said so |
| `static`, `duplicate`, `near-duplicate`, `letterbox`, `watermark`, `orientation`, `small` | is used, and said so |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from pathlib import Path

FindingKind: TypeAlias = Literal[
    "no-clip",
    "corrupt",
    "too-large",
    "too-short",
    "frame-rate",
    "scene-cut",
    "static",
    "duplicate",
    "near-duplicate",
    "letterbox",
    "watermark",
    "orientation",
    "small",
]
FINDING_KINDS: Final = get_args(FindingKind)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a clip, or seems to be.

    Attributes:
        kind: what.
        usable: whether training can use the clip all the same.
        reason: in words, as they follow the clip's name.
        remedy: what would help, best a command that can be run.
    """

    kind: FindingKind
    usable: bool
    reason: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class ClipVerdict:
    """What was found in one clip, and what it is; its measures are 0 where it can not be decoded.

    Attributes:
        width: of the upright picture in pixels, as far as training makes use of them; larger clips are shrunk.
        windows: how many training examples it gives.
    """

    path: Path
    findings: tuple[Finding, ...]
    frames: int
    seconds: float
    width: int
    height: int
    windows: int

    @property
    def verdict(self) -> Literal["good", "doubtful", "unusable"]:
        """`unusable` when training would refuse it, `doubtful` when a person should look at it."""
        if any(not finding.usable for finding in self.findings):
            return "unusable"
        return "doubtful" if self.findings else "good"

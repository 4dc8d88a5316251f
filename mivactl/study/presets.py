"""The paper's three studies as data: how many cases of which kind (arXiv 2512.20000, user study)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mivactl.study.documents import Kind

PresetName = Literal["paper-single", "paper-multi", "paper-mmiva"]


@dataclass(frozen=True)
class Preset:
    """A study to be built.

    Attributes:
        kind: best of all methods, or pairs.
        case_count: questions for each viewer, checks of attention not counted.
        motion_count: how many motions a case combines; None for any number.
        first_words: motions begin with one of these words; empty for any.
        method_count: how many methods it compares; None for any number.
    """

    name: str | None
    kind: Kind
    case_count: int | None
    motion_count: Literal["one", "several"] | None = None
    first_words: tuple[str, ...] = ()
    method_count: int | None = None


PRESETS: dict[PresetName, Preset] = {
    "paper-single": Preset("paper-single", "best", 40, motion_count="one"),
    "paper-multi": Preset("paper-multi", "best", 20, motion_count="several"),
    "paper-mmiva": Preset(
        "paper-mmiva", "pairs", 15, motion_count="one", first_words=("birds", "fireworks", "horse"), method_count=2
    ),
}

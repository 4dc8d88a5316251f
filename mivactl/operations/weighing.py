"""The weights of a composition: read from references, filled in, checked, and shared out with `--blend`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry_schema.errors import UsageProblem
from registry_schema.receipt import MAX_ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_schema.ref import AdapterRef

_LEAST_SUM: Final = 0.8
_MOST_SUM: Final = 1.2


@dataclass(frozen=True)
class Weighing:
    """One weight for each adapter, and a line for the person when their sum is unusual (else empty)."""

    weights: tuple[float, ...]
    note: str


def weigh(refs: Sequence[AdapterRef], *, blend: bool, alone: float = 1.0) -> Weighing:
    """The weights of `refs`: what is written; adapters without one share what is left of 1.

    Args:
        blend: scale them so that they sum to 1.
        alone: the weight of a single adapter without one.

    Raises:
        UsageProblem: no adapter or too many, all weights 0, or nothing left to share.
    """
    if not refs:
        raise UsageProblem("no adapter is named, expected at least one", hint="add for example `--use waterfall`")
    if len(refs) > MAX_ADAPTERS:
        raise UsageProblem(f"{len(refs)} adapters are named, expected at most {MAX_ADAPTERS}", hint="leave some out")
    weights = (alone,) if len(refs) == 1 and refs[0].weight is None else _filled(refs)
    if all(weight == 0 for weight in weights):
        raise UsageProblem("all weights are 0, nothing would move", hint=f"write for example `{refs[0].name.name}:1`")
    total = sum(weights)
    if blend:
        if total <= 0:
            raise UsageProblem(
                f"the weights sum to {total:g}, `--blend` expects a sum above 0", hint="leave out `--blend`"
            )
        return Weighing(tuple(weight / total for weight in weights), "")
    return Weighing(weights, _note(weights, total))


def _filled(refs: Sequence[AdapterRef]) -> tuple[float, ...]:
    written = [ref.weight for ref in refs]
    open_count = written.count(None)
    left = 1 - sum(weight for weight in written if weight is not None)
    if open_count and left <= 0:
        name = next(ref.name.name for ref in refs if ref.weight is None)
        raise UsageProblem(
            f"`{name}` has no weight, and the others leave nothing of 1", hint=f"write for example `{name}:0.5`"
        )
    return tuple(left / open_count if weight is None else weight for weight in written)


def _note(weights: Sequence[float], total: float) -> str:
    """One adapter alone may be as strong as it likes: only a sum of several is likely to be an oversight."""
    if len(weights) == 1 or _LEAST_SUM <= total <= _MOST_SUM:
        return ""
    effect = "weak" if total < _LEAST_SUM else "unsteady"
    return f"the weights sum to {total:g}, motion may be {effect}; `--blend` scales them to a sum of 1"

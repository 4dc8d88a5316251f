"""From the authors' names and tensors to those of an adapter file; nothing is dropped without a word."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from engine.interop.key_meaning import Bound, Copy, Factor, Foreign, Idle, Leftover, Unit, meaning
from registry_schema.errors import Incompatible
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from engine.interop.base_tensors import BaseTensors
    from engine.interop.key_meaning import Rule, Update

POSITIONS_TOLERANCE = 1e-3  # sinusoids, computed by other code and perhaps in half precision
_PARALLEL_PREFIX = "module."


@dataclass
class Translation:
    """What came out.

    Attributes:
        tensors: by their names in an adapter file.
        copies: how many frozen copies of the base were compared with it and found equal.
        notes: what a person should know, sentences without a final full stop.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    copies: int = 0
    notes: list[str] = field(default_factory=list)


def translate(
    source: str, tensors: Mapping[str, Tensor], rules: Sequence[Rule], base: BaseTensors, *, lora_alpha: float | None
) -> Translation:
    """Every tensor under its own name in an adapter file; low-rank updates of the cross-frame attention are scaled.

    Args:
        source: what to call the file in messages.
        tensors: as the file has them.
        rules: what its names mean.
        base: what its frozen copies are compared with.
        lora_alpha: of low-rank updates, which act at alpha / rank; None is alpha = rank.

    Raises:
        Incompatible: a tensor that has no place in an adapter, or copies of another base.
    """
    done = Translation()
    updates: dict[Update, dict[str, Tensor]] = defaultdict(dict)
    leftovers = 0
    for key, tensor in _unwrapped(source, tensors).items():
        meant = meaning(key, rules)
        if isinstance(meant, Bound):
            _bind(source, done, key, meant.name, tensor)
        elif isinstance(meant, Factor):
            updates[meant.update][meant.side] = tensor
        elif isinstance(meant, Copy):
            _require_copy(source, key, tensor, meant.name, base)
            done.copies += 1
        elif isinstance(meant, Unit):
            _require_unit(source, key, tensor)
        elif isinstance(meant, Leftover | Idle):
            _require_silent(source, key, tensor, silent=meant.silent)
            leftovers += isinstance(meant, Leftover)
        else:
            reason = meant.reason if isinstance(meant, Foreign) else "nothing by that name is known"
            msg = f"{source}: tensor `{shown(key, longest=120)}` has no place in an adapter: {reason}"
            raise Incompatible(msg, hint="only complete MIVA checkpoints are imported")
    for update, sides in updates.items():
        _require_pair(source, update, sides)
        _apply(source, done, update, sides, base, lora_alpha=lora_alpha)
    if leftovers:
        done.notes.append(
            f"{leftovers} tensors of an unused layer (`attn_temp`) were left out: its random bias made a small "
            "difference in the authors' own runs"
        )
    return done


def _unwrapped(source: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Names without the prefix that training on several GPUs puts before all of them, or none."""
    wrapped = [key for key in tensors if key.startswith(_PARALLEL_PREFIX)]
    if not wrapped:
        return tensors
    if len(wrapped) != len(tensors):
        msg = f"{source}: {len(wrapped)} of {len(tensors)} names begin with `{_PARALLEL_PREFIX}`, expected all or none"
        raise Incompatible(msg, hint="the file is a mixture of two")
    return {key.removeprefix(_PARALLEL_PREFIX): tensor for key, tensor in tensors.items()}


def _bind(source: str, done: Translation, key: str, name: str, tensor: Tensor) -> None:
    if name in done.tensors:
        msg = f"{source}: tensor `{shown(key, longest=120)}` is there twice, under an older name too"
        raise Incompatible(msg, hint="the file is a mixture of two")
    done.tensors[name] = tensor


def _require_copy(source: str, key: str, tensor: Tensor, name: str, base: BaseTensors) -> None:
    if name not in base:
        msg = f"{source}: tensor `{shown(key, longest=120)}` has no place in an adapter: nothing by that name is known"
        raise Incompatible(msg, hint="it was made for another base, or is no MIVA checkpoint")
    mine = base.read(name)
    coarser = min(tensor.dtype, mine.dtype, key=lambda dtype: -torch.finfo(dtype).eps)
    one, other = tensor.to(coarser), mine.to(coarser)
    same = one.shape == other.shape and (
        torch.allclose(one.float(), other.float(), rtol=0, atol=POSITIONS_TOLERANCE)
        if name.endswith(".pe")
        else torch.equal(one, other)
    )
    if not same:
        msg = (
            f"{source}: `{shown(key, longest=120)}` is a frozen copy of the base, and differs from `{name}` of this one"
        )
        raise Incompatible(msg, hint="it was trained on another base, or by another recipe; choose that with `--base`")


def _require_silent(source: str, key: str, tensor: Tensor, *, silent: bool) -> None:
    if silent and tensor.any():
        msg = f"{source}: `{shown(key, longest=120)}` is not zero, which the authors' own training leaves it"
        raise Incompatible(msg, hint="it was trained by another recipe, which an adapter can not follow")


def _require_unit(source: str, key: str, tensor: Tensor) -> None:
    if not torch.all(tensor == 1):
        msg = f"{source}: `{shown(key, longest=120)}` is not one, which the authors' own training leaves it"
        raise Incompatible(msg, hint="it was trained by another recipe, which an adapter can not follow")


def _require_pair(source: str, update: Update, sides: Mapping[str, Tensor]) -> None:
    if set(sides) != {"A", "B"} or sides["A"].shape[0] != sides["B"].shape[1]:
        msg = f"{source}: the low-rank update of `{update.projection}` is not complete"
        raise Incompatible(msg, hint="the file is broken or cut")


def _apply(
    source: str,
    done: Translation,
    update: Update,
    sides: Mapping[str, Tensor],
    base: BaseTensors,
    *,
    lora_alpha: float | None,
) -> None:
    """Make a low-rank update part of what it updates, or keep it as it is where it stands alone."""
    rank = sides["A"].shape[0]
    scaled = sides["B"].float() * ((rank if lora_alpha is None else lora_alpha) / rank)
    weight, bias = (f"{update.projection}.{what}" for what in ("weight", "bias"))
    whole = done.tensors.get(weight)
    if whole is None and update.after:
        msg = f"{source}: there is a low-rank update of `{update.projection}`, which is not there itself"
        raise Incompatible(msg, hint="trained without `to_out` it does nothing")
    if whole is None and update.onto is None:
        done.tensors[f"{update.projection}.lora_A.weight"] = sides["A"]
        done.tensors[f"{update.projection}.lora_B.weight"] = scaled.to(sides["B"].dtype)
        return
    whole = (base.read(update.onto or "") if whole is None else whole).float()
    product = scaled @ sides["A"].float()
    done.tensors[weight] = whole + (product @ whole if update.after else product)
    if update.after and bias in done.tensors:
        done.tensors[bias] = done.tensors[bias].float() + product @ done.tensors[bias].float()

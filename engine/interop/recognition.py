"""What a file looks like from its names alone, so that a wrong one is called by its own name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_schema.base_spec import BaseFamily

_ANIMATEDIFF = re.compile(r"\.attentions\.\d+\..*(?:i2v_adapter|CA[23]\.|CA_norm)")
_WAN = re.compile(r"^blocks\.\d+\.(?:i2v_adapter\.|cross_attn(?:_b)?\.CA)")
_FAMILIES: dict[BaseFamily, re.Pattern[str]] = {"unet_motion": _ANIMATEDIFF, "wan": _WAN}
_TITLES: dict[BaseFamily, str] = {"unet_motion": "AnimateDiff", "wan": "Wan"}


def require_checkpoint(source: str, names: Iterable[str], family: BaseFamily) -> None:
    """Make sure that names are those of a whole MIVA checkpoint of a family.

    Raises:
        Incompatible: says what they look like instead.
    """
    keys = [name.removeprefix("module.") for name in names]
    found = next((one for one, pattern in _FAMILIES.items() if any(pattern.search(key) for key in keys)), None)
    if found is not None and found != family:
        msg = (
            f"{source}: looks like a MIVA checkpoint for {_TITLES[found]}, the base is of the family {_TITLES[family]}"
        )
        raise Incompatible(msg, hint="choose another base with `--base`")
    if found is None or not _is_whole(keys, found):
        look = _looks_like(keys)
        msg = f"{source}: looks like {look.title}, expected a MIVA checkpoint"
        raise Incompatible(msg, hint=look.hint)


def _is_whole(keys: Sequence[str], family: BaseFamily) -> bool:
    """A third of an AnimateDiff checkpoint (mode `split`) and a whole Wan model are none."""
    if family == "wan":
        return "patch_embedding.weight" not in keys
    return any(re.search(r"CA2\.", key) or "attn2.processor.to_k_lora" in key for key in keys)


@dataclass(frozen=True)
class Look:
    """A kind of file by its names: all of them match `every`, one of them `some`, and none `no`."""

    title: str
    hint: str = "give the file that the training script wrote (`adapter.pt` or `combined.pt`)"
    every: str = ""
    some: str = ""
    no: str = "$^"

    def fits(self, keys: Sequence[str]) -> bool:
        """Whether these names are of such a file."""
        every, some, none = (re.compile(pattern) for pattern in (self.every, self.some, self.no))
        found = [key for key in keys if some.search(key)]
        return bool(found) and all(every.search(key) for key in keys) and not any(none.search(key) for key in keys)


_LOOKS = (
    Look(
        "a MIVA checkpoint without its implicit prompt, as mode `split` and `combined.pt` by default leave it",
        hint="give `adapter.pt` or `model.safetensors`, or combine again with CA2, CA3 and CA_norm in the list",
        some=r"i2v_adapter|attn2\.processor\.to_\w+_lora",
    ),
    Look(
        "a motion LoRA of AnimateDiff, or the temporal third of a split checkpoint",
        hint="import a motion LoRA with `--motion-lora`",
        every=r"motion_modules\..*processor\.to_\w+_lora\.",
    ),
    Look(
        "a motion LoRA of diffusers",
        hint="import it with `--motion-lora`",
        every="lora",
        some=r"motion_modules\..*\.lora_[AB]\.",
    ),
    Look("mivactl's own adapter file", hint="publish the draft folder it came with", every=r"^m?miva\."),
    Look(
        "a motion module of AnimateDiff, which is part of a base",
        some=r"attention_blocks\.\d+\.to_q\.weight",
        no=r"^conv_in\.",
    ),
    Look("a whole Wan model", some=r"^patch_embedding\.weight"),
    Look("a whole U-Net without an adapter", some=r"^conv_in\.weight"),
    Look("a text encoder", some=r"^text_model\.|^encoder\.block\."),
    Look("a style LoRA", hint="load it with `pipe.load_lora_weights`", every="lora"),
    Look("something else"),
)


def _looks_like(keys: Sequence[str]) -> Look:
    return next((look for look in _LOOKS if look.fits(keys)), _LOOKS[-1])

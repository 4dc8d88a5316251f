"""Names in the authors' Wan checkpoints: relative to the denoiser, low-rank updates as peft's adapter `default`.

Source: `diffsynth/models/miva.py`, `wan_video_dit.py` and `train_wan.py` of the authors' code; the base's names are
those of the original release, translated to diffusers'.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.interop.key_meaning import Bound, Copy, Factor, Foreign, Idle, Meaning, Unit, Update

if TYPE_CHECKING:
    from engine.interop.key_meaning import Rule

_BLOCK = r"(?P<block>blocks\.\d+)\."
_LOOKING = _BLOCK + r"i2v_adapter\.(?P<to>[qo])(?P<mask>_m)?"
_MLP = _BLOCK + r"cross_attn(?P<background>_b)?\."
_PROMPT = {"CA2": "down", "CA3": "up"}


def _part(match: re.Match[str]) -> str:
    return f"miva.{match['block']}"


def _looking(match: re.Match[str]) -> str:
    """Query or output of the pictures, or, by `_m`, of the mask stream."""
    part = _part(match)
    return f"{f'm{part}' if match['mask'] else part}.cfa.{match['to']}"


def _factor(match: re.Match[str]) -> Meaning:
    return Factor(Update(_looking(match)), "A" if match["side"] == "A" else "B")


def _prompt(match: re.Match[str]) -> str:
    """The implicit prompt, or, by `_b`, that of the background."""
    part = _part(match)
    return f"m{part}.ca_bg" if match["background"] else f"{part}.ca"


def _query_copy(match: re.Match[str]) -> Meaning:
    layer = "norm_q" if match[2] == "norm_q" else "to_q"
    return Copy(f"{match['block']}.attn2.{layer}.{match[3]}")


RULES: tuple[Rule, ...] = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (_LOOKING + r"\.lora_(?P<side>[AB])\.default\.weight", _factor),
        (_LOOKING + r"\.(?:base_layer\.)?(?P<what>weight|bias)", lambda m: Bound(f"{_looking(m)}.{m['what']}")),
        (
            _BLOCK + r"i2v_adapter\.weight_module\.linear\.(weight|bias)",
            lambda m: Bound(f"{_part(m)}.cfa.lambda.{m[2]}"),
        ),
        (
            _BLOCK + r"i2v_adapter\.([kv])\.(?:base_layer\.)?(weight|bias)",
            lambda m: Copy(f"{m['block']}.attn1.to_{m[2]}.{m[3]}"),
        ),
        (
            _BLOCK + r"i2v_adapter\.norm_([qk])\.weight",
            lambda m: Copy(f"{m['block']}.attn1.norm_{m[2]}.weight"),
        ),
        (_MLP + r"(?P<layer>CA2|CA3)\.weight", lambda m: Bound(f"{_prompt(m)}.{_PROMPT[m['layer']]}.weight")),
        (_MLP + r"CA_norm\.(?P<what>weight|bias)", lambda m: Bound(f"{_prompt(m)}.norm.{m['what']}")),
        (_BLOCK + r"cross_attn_b\.norm_q\.weight", lambda _: Unit()),
        (_BLOCK + r"cross_attn(?:_b)?\.(q|norm_q)\.(?:base_layer\.)?(weight|bias)", _query_copy),
        (_BLOCK + r"cross_attn(?:_b)?\.CA4\..*", lambda _: Foreign("a trained output behind the prompt has no place")),
        (
            _BLOCK + r"(?:self_attn\.[qkvo]|cross_attn\.q|ffn\.[02]|i2v_adapter\.[kv])\.lora_([AB])\.default\.weight",
            lambda m: Idle(silent=m[2] == "B"),
        ),
    )
)

"""Names in the authors' Wan checkpoints: relative to the denoiser, low-rank updates as peft's adapter `default`.

Source: `diffsynth/models/miva.py`, `wan_video_dit.py` and `train_wan.py` of the authors' code; the base's names are
those of the original release, translated to diffusers'.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.interop.key_meaning import MASKED, Bound, Copy, Factor, Foreign, Idle, Meaning, Update

if TYPE_CHECKING:
    from engine.interop.key_meaning import Rule

_BLOCK = r"(?P<block>blocks\.\d+)\."
_PROMPT = {"CA2": "down", "CA3": "up"}


def _part(match: re.Match[str]) -> str:
    return f"miva.{match['block']}"


def _factor(match: re.Match[str]) -> Meaning:
    return Factor(Update(f"{_part(match)}.cfa.{match[2]}"), "A" if match[3] == "A" else "B")


def _query_copy(match: re.Match[str]) -> Meaning:
    layer = "norm_q" if match[2] == "norm_q" else "to_q"
    return Copy(f"{match['block']}.attn2.{layer}.{match[3]}")


RULES: tuple[Rule, ...] = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (_BLOCK + r"i2v_adapter\.([qo])\.lora_([AB])\.default\.weight", _factor),
        (
            _BLOCK + r"i2v_adapter\.([qo])\.(?:base_layer\.)?(weight|bias)",
            lambda m: Bound(f"{_part(m)}.cfa.{m[2]}.{m[3]}"),
        ),
        (
            _BLOCK + r"i2v_adapter\.weight_module\.linear\.(weight|bias)",
            lambda m: Bound(f"{_part(m)}.cfa.lambda.{m[2]}"),
        ),
        (_BLOCK + r"i2v_adapter\.[qo]_m\..*", lambda _: MASKED),
        (
            _BLOCK + r"i2v_adapter\.([kv])\.(?:base_layer\.)?(weight|bias)",
            lambda m: Copy(f"{m['block']}.attn1.to_{m[2]}.{m[3]}"),
        ),
        (
            _BLOCK + r"i2v_adapter\.norm_([qk])\.weight",
            lambda m: Copy(f"{m['block']}.attn1.norm_{m[2]}.weight"),
        ),
        (_BLOCK + r"cross_attn\.(CA2|CA3)\.weight", lambda m: Bound(f"{_part(m)}.ca.{_PROMPT[m[2]]}.weight")),
        (_BLOCK + r"cross_attn\.CA_norm\.(weight|bias)", lambda m: Bound(f"{_part(m)}.ca.norm.{m[2]}")),
        (_BLOCK + r"cross_attn\.(q|norm_q)\.(?:base_layer\.)?(weight|bias)", _query_copy),
        (_BLOCK + r"cross_attn(?:_b)?\.CA4\..*", lambda _: Foreign("a trained output behind the prompt has no place")),
        (_BLOCK + r"cross_attn_b\..*", lambda _: MASKED),
        (
            _BLOCK + r"(?:self_attn\.[qkvo]|cross_attn\.q|ffn\.[02]|i2v_adapter\.[kv])\.lora_([AB])\.default\.weight",
            lambda m: Idle(silent=m[2] == "B"),
        ),
    )
)

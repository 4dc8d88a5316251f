"""Names in the authors' AnimateDiff checkpoints.

Source: `models/attention.py`, `sa_utils.py`, `motion_module.py` and `lora.py` of the authors' code. There,
`i2v_adapter` is the cross-frame attention, `sCA` the implicit prompt, and a motion module holds two temporal
self-attentions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from engine.interop.key_meaning import Bound, Copy, Factor, Foreign, Leftover, Meaning, Update

if TYPE_CHECKING:
    from engine.interop.key_meaning import Rule

_BLOCK = r"(?:down_blocks\.\d+|up_blocks\.\d+|mid_block)"
_SITE = rf"(?P<site>{_BLOCK}\.attentions\.\d+\.transformer_blocks\.\d+)\."
_MODULE = rf"(?P<module>{_BLOCK}\.motion_modules\.\d+)\."
_TEMPORAL = rf"{_MODULE}temporal_transformer\.transformer_blocks\.(?P<block>\d+)\."
_PROMPT = {"CA2": "down", "CA3": "up"}
_LAYERS = {"attention_blocks.0": "attn1", "attention_blocks.1": "attn2", "norms.0": "norm1", "norms.1": "norm2",
           "ff_norm": "norm3"}  # fmt: skip


def _factor(match: re.Match[str]) -> Meaning:
    site = match["site"]
    of_query = Update(f"miva.{site}.cfa.q", onto=f"{site}.attn1.to_q.weight")
    return Factor(of_query if match["to"] == "q" else Update(f"miva.{site}.cfa.o", after=True), _side(match))


def _side(match: re.Match[str]) -> Literal["A", "B"]:
    return "A" if match["side"] == "down" else "B"


def _temporal(match: re.Match[str]) -> Meaning:
    layer = f"attn{int(match['layer']) + 1}"
    to = "to_out.0" if match["to"] == "out" else f"to_{match['to']}"
    part = f"miva.{match['module']}.transformer_blocks.{match['block']}.tsa.{layer}"
    return Bound(f"{part}.{to}.lora_{_side(match)}.weight")


def _base_temporal(match: re.Match[str]) -> Meaning:
    rest = match["rest"].replace("pos_encoder.pe", "pe")
    for theirs, ours in _LAYERS.items():
        if rest.startswith(f"{theirs}."):
            rest = f"{ours}.{rest.removeprefix(f'{theirs}.')}"
    if rest.endswith(".pe"):
        rest = "pos_embed.pe"
    return Copy(f"{match['module']}.transformer_blocks.{match['block']}.{rest}")


_NO_PROMPTS = Foreign("it is a low-rank update of attention to words, of an older code that needs prompts")
_INDEXED = Foreign("it is a name of several adapters in one model, which the authors' code makes in memory only")

RULES: tuple[Rule, ...] = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (_SITE + r"i2v_adapter\.to_q\.weight", lambda m: Bound(f"miva.{m['site']}.cfa.q.weight")),
        (_SITE + r"i2v_adapter\.to_out\.0\.(weight|bias)", lambda m: Bound(f"miva.{m['site']}.cfa.o.{m[2]}")),
        (_SITE + r"i2v_adapter\.to_([kv])\.weight", lambda m: Copy(f"{m['site']}.attn1.to_{m[2]}.weight")),
        (
            _SITE + r"i2v_adapter\.processor\.weight_module\.linear\.(weight|bias)",
            lambda m: Bound(f"miva.{m['site']}.cfa.lambda.{m[2]}"),
        ),
        (_SITE + r"i2v_adapter\.processor\.to_(?P<to>q|out)_lora\.(?P<side>down|up)\.weight", _factor),
        (_SITE + r"i2v_adapter\.processor\.to_q_mask\.weight", lambda m: Bound(f"mmiva.{m['site']}.cfa.q.weight")),
        (
            _SITE + r"i2v_adapter\.processor\.to_out_mask\.0\.(weight|bias)",
            lambda m: Bound(f"mmiva.{m['site']}.cfa.o.{m[2]}"),
        ),
        (_SITE + r"sCA_b\.(CA2|CA3)\.weight", lambda m: Bound(f"mmiva.{m['site']}.ca_bg.{_PROMPT[m[2]]}.weight")),
        (_SITE + r"sCA_b\.CA_norm\.(weight|bias)", lambda m: Bound(f"mmiva.{m['site']}.ca_bg.norm.{m[2]}")),
        (_SITE + r"sCA_b\.CA1\.weight", lambda m: Copy(f"{m['site']}.attn2.to_q.weight")),
        (_SITE + r"sCA_b\.CA4\.weight", lambda m: Copy(f"{m['site']}.attn2.to_out.0.weight")),
        (_SITE + r"(?:sCA\.)?(CA2|CA3)\.weight", lambda m: Bound(f"miva.{m['site']}.ca.{_PROMPT[m[2]]}.weight")),
        (_SITE + r"(?:sCA\.)?CA_norm\.(weight|bias)", lambda m: Bound(f"miva.{m['site']}.ca.norm.{m[2]}")),
        (_SITE + r"sCA\.CA1\.weight", lambda m: Copy(f"{m['site']}.attn2.to_q.weight")),
        (_SITE + r"sCA\.CA4\.weight", lambda m: Copy(f"{m['site']}.attn2.to_out.0.weight")),
        (_SITE + r"attn_temp\.to_out\.0\.weight", lambda _: Leftover(silent=True)),
        (_SITE + r"(?:attn_temp|norm_temp)\..*", lambda _: Leftover(silent=False)),
        (_SITE + r"attn2\.processor\.to_\w+_lora\..*", lambda _: _NO_PROMPTS),
        (_SITE + r"(?:attn_tCA|tCA_norm)\..*", lambda _: Foreign("it is of a layer the released code does not have")),
        (_SITE + r"(?:sCA\.)?CA[23]\.bias", lambda _: Foreign("an implicit prompt has no biases")),
        (r".*\.to_[kv]_ip\..*", lambda _: Foreign("it is of an IP-Adapter, which the paper found harmful")),
        (r".*\.motion_embed.*", lambda _: Foreign("it is a learnt position of another kind of motion module")),
        (r".*(?:i2v_adapters|processor\.processors|_loras|CA2|CA3|CA_norm)\.\d+\..*", lambda _: _INDEXED),
        (
            _TEMPORAL + r"attention_blocks\.(?P<layer>[01])\.processor\.to_(?P<to>q|k|v|out)_lora"
            r"\.(?P<side>down|up)\.weight",
            _temporal,
        ),
        (_TEMPORAL + r"(?P<rest>.*)", _base_temporal),
        (_MODULE + r"temporal_transformer\.(?P<rest>.*)", lambda m: Copy(f"{m['module']}.{m['rest']}")),
        (rf"(?:{_BLOCK}|conv_in|conv_out|conv_norm_out|time_embedding)\..*", lambda m: Copy(m[0])),
    )
)

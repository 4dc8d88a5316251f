"""Checkpoints as the authors' training scripts write them, for any denoiser: their names, shapes and containers.

Written from the released code's classes, not from our table of names: a slip in one shows against the other.
"""

from __future__ import annotations

import re

import torch

T_RANK, PROMPT_RANK, WAN_RANK = 4, 4, 4
Shapes = dict[str, tuple[int, ...]]


def spatial_blocks(unet) -> list[tuple[str, int]]:
    """Each spatial transformer block with its width."""
    return [
        (name.removesuffix(".attn1"), module.to_q.in_features)
        for name, module in unet.named_modules()
        if ".attentions." in name and name.endswith(".attn1")
    ]


def motion_blocks(unet) -> list[tuple[str, str, int]]:
    """Each block of a motion module: the authors' path, diffusers' path, width."""
    blocks = []
    for name, module in unet.named_modules():
        if ".motion_modules." in name and name.endswith("transformer_blocks.0"):
            head = name.removesuffix(".transformer_blocks.0")
            blocks.append((f"{head}.temporal_transformer.transformer_blocks.0", name, module.attn1.to_q.in_features))
    return blocks


def animatediff_adapter(unet, *, masked: bool = False, t_rank: int = T_RANK, prompt_rank: int = PROMPT_RANK) -> Shapes:
    """`adapter.pt`: the trained tensors alone."""
    time = unet.time_embedding.linear_2.out_features
    shapes: Shapes = {}
    for block, width in spatial_blocks(unet):
        shapes |= {
            f"{block}.i2v_adapter.to_q.weight": (width, width),
            f"{block}.i2v_adapter.to_out.0.weight": (width, width),
            f"{block}.i2v_adapter.to_out.0.bias": (width,),
            f"{block}.i2v_adapter.processor.weight_module.linear.weight": (2, time),
            f"{block}.i2v_adapter.processor.weight_module.linear.bias": (2,),
            f"{block}.sCA.CA2.weight": (prompt_rank, width),
            f"{block}.sCA.CA3.weight": (width, prompt_rank),
            f"{block}.sCA.CA_norm.weight": (prompt_rank,),
            f"{block}.sCA.CA_norm.bias": (prompt_rank,),
        }
        if masked:
            shapes |= {
                f"{block}.i2v_adapter.processor.to_q_mask.weight": (width, width),
                f"{block}.i2v_adapter.processor.to_out_mask.0.weight": (width, width),
                f"{block}.i2v_adapter.processor.to_out_mask.0.bias": (width,),
            }
    for block, _, width in motion_blocks(unet):
        for layer in (0, 1):
            for part in ("q", "k", "v", "out"):
                update = f"{block}.attention_blocks.{layer}.processor.to_{part}_lora"
                shapes |= {f"{update}.down.weight": (t_rank, width), f"{update}.up.weight": (width, t_rank)}
    return shapes


def wan_adapter(
    transformer,
    *,
    rank: int = WAN_RANK,
    prompt_rank: int = PROMPT_RANK,
    full: bool = False,
    masked: bool = False,
    background: bool = False,
) -> Shapes:
    """A `.ckpt` of the Wan script: what had gradients."""
    width = transformer.config.num_attention_heads * transformer.config.attention_head_dim
    shapes: Shapes = {}
    for index in range(len(transformer.blocks)):
        block = f"blocks.{index}"
        for part in ("q", "o", "q_m", "o_m") if masked else ("q", "o"):
            if full:
                shapes |= {f"{block}.i2v_adapter.{part}.weight": (width, width)}
                shapes |= {f"{block}.i2v_adapter.{part}.bias": (width,)}
            else:
                shapes |= {f"{block}.i2v_adapter.{part}.lora_A.default.weight": (rank, width)}
                shapes |= {f"{block}.i2v_adapter.{part}.lora_B.default.weight": (width, rank)}
        shapes |= {
            f"{block}.i2v_adapter.weight_module.linear.weight": (2, width),
            f"{block}.i2v_adapter.weight_module.linear.bias": (2,),
            f"{block}.cross_attn.CA2.weight": (prompt_rank, width),
            f"{block}.cross_attn.CA3.weight": (width, prompt_rank),
            f"{block}.cross_attn.CA_norm.weight": (prompt_rank,),
            f"{block}.cross_attn.CA_norm.bias": (prompt_rank,),
        }
        if background:
            shapes |= {
                f"{block}.cross_attn_b.CA2.weight": (prompt_rank, width),
                f"{block}.cross_attn_b.CA3.weight": (width, prompt_rank),
                f"{block}.cross_attn_b.CA_norm.weight": (prompt_rank,),
                f"{block}.cross_attn_b.CA_norm.bias": (prompt_rank,),
            }
    return shapes


def filled(shapes: Shapes, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors of these shapes with values."""
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def full_unet(unet, adapter: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`model.safetensors` of mode `full`: the adapter, the base by the authors' names, frozen copies, a left-over."""
    tensors = dict(adapter)
    state = unet.state_dict()
    for name, tensor in state.items():
        if not name.endswith("pos_embed.pe"):
            tensors[authors_name(name)] = tensor.clone()
    for block, width in spatial_blocks(unet):
        for part in "kv":
            tensors[f"{block}.i2v_adapter.to_{part}.weight"] = state[f"{block}.attn1.to_{part}.weight"].clone()
        tensors[f"{block}.sCA.CA1.weight"] = state[f"{block}.attn2.to_q.weight"].clone()
        tensors[f"{block}.sCA.CA4.weight"] = state[f"{block}.attn2.to_out.0.weight"].clone()
        tensors[f"{block}.attn_temp.to_q.weight"] = torch.randn(width, width)
        tensors[f"{block}.attn_temp.to_out.0.weight"] = torch.zeros(width, width)
        tensors[f"{block}.attn_temp.to_out.0.bias"] = torch.randn(width)
        tensors[f"{block}.norm_temp.weight"] = torch.ones(width)
    for theirs, ours, _ in motion_blocks(unet):
        for layer in (0, 1):
            tensors[f"{theirs}.attention_blocks.{layer}.pos_encoder.pe"] = state[f"{ours}.pos_embed.pe"].clone()
    return tensors


def authors_name(name: str) -> str:
    """A base tensor's name in the original AnimateDiff code."""
    match = re.fullmatch(r"(.*\.motion_modules\.\d+)\.(.*)", name)
    if match is None:
        return name
    rest = match[2]
    for ours, theirs in (
        (".attn1.", ".attention_blocks.0."),
        (".attn2.", ".attention_blocks.1."),
        (".norm1.", ".norms.0."),
        (".norm2.", ".norms.1."),
        (".norm3.", ".ff_norm."),
    ):
        rest = rest.replace(ours, theirs)
    return f"{match[1]}.temporal_transformer.{rest}"

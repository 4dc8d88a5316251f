"""Another function in the place of torch's attention, for a while: to stand for a kernel, or to look at its time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    Attention = Callable[..., Tensor]

plain_attention: Attention = F.scaled_dot_product_attention


@contextmanager
def attention_by(attention: Attention) -> Iterator[None]:
    """Let `attention` do what `torch.nn.functional.scaled_dot_product_attention` is asked for.

    A `TorchFunctionMode` would not do: it is off in a backward pass, where checkpointed layers are computed again.
    """
    before = F.scaled_dot_product_attention
    F.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        F.scaled_dot_product_attention = before


def fused_attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401 - as torch takes them
    """Attention on the meta device with the shapes of a fused kernel: no matrix of tokens by tokens is kept.

    Left alone, torch takes plain matrix products there, which no device with a fused kernel would.
    """
    mask = args[0] if args else kwargs.get("attn_mask")
    if not query.is_meta or mask is not None:
        return plain_attention(query, key, value, *args, **kwargs)
    if value.shape[-1] != query.shape[-1]:
        wide: Tensor = torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True)[0]
        return wide
    output: Tensor = torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]
    return output

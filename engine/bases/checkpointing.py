"""Gradient checkpointing of chosen modules of a denoiser, with the call they were run in.

diffusers leaves the attention and motion modules of `UNetMotionModel` out, which hold most of the activations.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from torch import nn

    from engine.bases.call import CurrentCall


def set_checkpointing(modules: Iterable[nn.Module], calls: CurrentCall, *, enabled: bool) -> None:
    """Compute `modules` again in the backward pass instead of keeping their activations, or stop doing so."""
    for module in modules:
        vars(module).pop("forward", None)
        if enabled:
            vars(module)["forward"] = partial(_checkpointed, module.forward, calls)


def _checkpointed(forward: Callable[..., object], calls: CurrentCall, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - whatever the module takes
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    call = calls.snapshot()

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), calls.during(call)

    return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

"""Gradient checkpointing of chosen modules of a denoiser, with the call they were run in.

diffusers leaves the attention and motion modules of `UNetMotionModel` out, which hold most of the activations.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
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
        own = vars(module).pop("forward", None)
        before = own.before if isinstance(own, _Checkpointed) else own
        if before is not None:
            vars(module)["forward"] = before
        if enabled:
            vars(module)["forward"] = _Checkpointed(module.forward, calls, before)


@dataclass(frozen=True)
class _Checkpointed:
    """A module's forward pass under checkpointing.

    Attributes:
        forward: of the module.
        calls: the base's.
        before: what the module had of its own in the place of its class's forward pass (a compiled one), if anything.
    """

    forward: Callable[..., object]
    calls: CurrentCall
    before: Callable[..., object] | None

    def __call__(self, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - whatever the module takes
        if not torch.is_grad_enabled():
            return self.forward(*args, **kwargs)
        call = self.calls.snapshot()

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), self.calls.during(call)

        return checkpoint(self.forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

"""The residual stream between two layers of a block, where it can be met and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle


class StreamChange(Protocol):
    """What is added to a residual stream."""

    def __call__(self, stream: Tensor) -> Tensor:
        """What the stream grows by, in its shape."""


class ResidualStream:
    """The sum of a block's input and its self attention, before the next layer.

    It is met on its way into that layer's norm; what is added there is added once more to the layer's output, since the
    block keeps its own copy of the sum. Compiled code does not notice hooks that come later: it is made again then.

    Args:
        norm: is given the sum as its only input.
        reader: the next layer that is added to the sum; it sees the sum through `norm` alone.
    """

    def __init__(self, norm: nn.Module, reader: nn.Module) -> None:
        self._norm = norm
        self._reader = reader
        self._change: StreamChange | None = None
        self._added: Tensor | None = None
        self._handles: tuple[RemovableHandle, ...] = ()
        self._stays = False

    def put(self, change: StreamChange) -> None:
        """Let `change` add to the stream."""
        self._change = change
        self._listen()

    def clear(self) -> None:
        """Leave the stream alone again."""
        self._change = None
        if not self._stays:
            for handle in self._handles:
                handle.remove()
            self._handles = ()

    def stay(self) -> None:
        """Keep the hooks, in use or not: a compiled base finds the code that is there when other adapters come."""
        self._stays = True
        self._listen()

    def _listen(self) -> None:
        if self._handles:
            return
        self._handles = (
            self._norm.register_forward_pre_hook(self._on_stream),
            self._reader.register_forward_hook(self._on_reader),
        )
        torch.compiler.reset()  # code that is there would go on without the hooks, silently

    def _on_stream(self, _norm: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self._change is None:
            return inputs
        stream, *rest = inputs
        self._added = self._change(stream)
        return (stream + self._added.to(stream.dtype), *rest)

    def _on_reader(self, _reader: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        added, self._added = self._added, None
        return output if added is None else output + added.to(output.dtype)

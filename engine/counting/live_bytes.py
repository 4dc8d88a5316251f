"""`LiveBytes`: how many bytes of tensors are alive, and how many were at most; works on the meta device."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Iterable


class LiveBytes(TorchDispatchMode):
    """While it is on, counts the storage of every tensor that an operation makes, until nothing holds it any more.

    Args:
        apart: tensors that are counted elsewhere; neither they nor their views count here.

    Attributes:
        live: bytes now.
        most: the largest number so far.
    """

    def __init__(self, apart: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self.live = self.most = 0
        self._apart = {id(storage): storage for storage in (tensor.untyped_storage() for tensor in apart)}
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an operation of torch
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """Run an operation and count what it made."""
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, torch.Tensor):
                self._count(made.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        place, size = id(storage), storage.nbytes()
        if place in self._apart or place in self._known:
            return

        def gone(_: object) -> None:
            self.live -= size
            del self._known[place]

        self._known[place] = weakref.ref(storage, gone)
        self.live += size
        self.most = max(self.most, self.live)


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the storages of `tensors`; one that is shared counts once."""
    # kept in a list: a storage that dies could give its place to the next
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({id(storage): storage.nbytes() for storage in storages}.values())

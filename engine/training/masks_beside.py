"""The masks that lie beside training clips, as the trainer takes them: by file name, read when they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.bases.base_folder import read_base_spec
from engine.masks.training_masks import read_training_masks
from engine.training.examined_clip import DECODED_SIDES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

    from engine.masks.training_masks import ClipMask
    from engine.progress import Progress
    from engine.requests import TrainRequest
    from registry_schema.clip_shape import ClipShape


class MasksBeside(Mapping[str, "Tensor"]):
    """`f h w` in 0..1 by the clip's file name; no more than one clip's masks are in memory.

    Args:
        masks: of each clip.
        long_side: pixels to which large masks are shrunk while they are read.
    """

    def __init__(self, masks: Mapping[str, ClipMask], long_side: int) -> None:
        self._masks, self._long_side = masks, long_side

    @classmethod
    def of(cls, clips: Path, shape: ClipShape, progress: Progress) -> MasksBeside:
        """The masks in `masks` below a folder of clips, each looked at once.

        Raises:
            NotFound: no such folder, or no clips in it.
            UnusableMasks: masks are missing or of no use; all such clips are named.
        """
        found = read_training_masks(clips, progress)
        return cls({clip.name: mask for clip, mask in found.items()}, DECODED_SIDES * max(shape.height, shape.width))

    def __getitem__(self, name: str) -> Float[Tensor, "f h w"]:
        return self._masks[name].read(long_side=self._long_side)

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)


def masks_of(request: TrainRequest, progress: Progress) -> Mapping[str, Tensor] | None:
    """The masks to train with: those that were given, else those beside the clips where the recipe takes any.

    Raises:
        NotFound, UnusableMasks: see `MasksBeside.of`.
    """
    if request.masks is not None or not request.recipe.masked:
        return request.masks
    return MasksBeside.of(request.clips, read_base_spec(request.base).clip, progress)

"""Running out of memory, said plainly."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from registry_schema.errors import ResourceProblem

if TYPE_CHECKING:
    from collections.abc import Iterator


SMALLER_CLIP = "pass fewer `--frames`, `--size base` or, on a graphics card, `--vram 4`; or close other programs"
SMALLER_TRAINING = (
    "pass `--set optimiser.batch=1`, `--set run.gradient_checkpointing=true` or, on a graphics card, `--vram 4`; "
    "or close other programs"
)


@contextmanager
def memory_problems(hint: str = SMALLER_CLIP) -> Iterator[None]:
    """Turn what Python, CUDA and torch's CPU allocator say about a lack of memory into one error.

    Afterwards nothing of the block is held: the frames of what failed are let go of, and the card's free blocks are
    given back, so that the next run in this process meets an empty card.

    Args:
        hint: the way out.

    Raises:
        ResourceProblem: there is not enough.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        problem = ResourceProblem(f"there is not enough memory: {_first_line(error)}", hint=hint)
        # tensors live as long as the frames that a traceback holds
        traceback.clear_frames(error.__traceback__)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise problem from error


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether memory is what is missing; torch's CPU allocator has no class of its own for it."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _first_line(error: Exception) -> str:
    """What was asked for, where the allocator says so."""
    text = (str(error).splitlines() or [""])[0]
    return text.partition("can't allocate memory: ")[2] or text or "Python could not go on"

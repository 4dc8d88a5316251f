"""Running out of memory, said plainly."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from registry_schema.errors import ResourceProblem

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def memory_problems() -> Iterator[None]:
    """Turn what Python, CUDA and torch's CPU allocator say about a lack of memory into one error.

    Raises:
        ResourceProblem: there is not enough.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _explained() from error
    except RuntimeError as error:
        # torch's CPU allocator has no class of its own for it
        if "can't allocate memory" not in str(error):
            raise
        raise _explained() from error


def _explained() -> ResourceProblem:
    return ResourceProblem(
        "there is not enough memory for this clip", hint="pass `--size base`, fewer `--frames`, or close other programs"
    )

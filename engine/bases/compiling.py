"""Regional compilation: a denoiser's repeated blocks are compiled, each shape of them once.

All that may change from run to run reaches the compiled code as a tensor: weights of a composition, an adapter's
tensors, what timesteps make of the references. So another weight, another adapter of the same ranks, or adapters taken
off and put on again find the code that is there. Another number of adapters (one at weight 0 is none) or another size
of clip is other code, made when it first comes.

Source: PyTorch recipes, "Reducing torch.compile cold start compilation time with regional compilation".
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from engine.bases.memory_set import MemorySet

BACKEND = "inductor"
COMPILING = "compiled code is made during the first step, which takes minutes on a large base"
SHAPES_AT_MOST = 64
"""Of one kind of block; torch gives up after 8. Stable Diffusion's U-Net has 15 kinds of residual block."""


def compile_blocks(blocks: Iterable[nn.Module], *, backend: str = BACKEND) -> None:
    """Let `blocks` be compiled when they are first called; their state dict stays.

    Args:
        blocks: whatever a denoiser repeats.
        backend: of `torch.compile`.
    """
    # torch looks at every input's gradient when it compiles, and warns itself of doing so
    warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf Tensor")
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SHAPES_AT_MOST)
    for block in blocks:
        vars(block)["forward"] = torch.compile(block.forward, backend=backend, dynamic=False)


def require_compiler(device: torch.device, memory: MemorySet) -> None:
    """Make sure that compiled code can be made for `device`.

    Raises:
        NotFound: what makes it is missing.
        UsageProblem: layers that change while they compute, as in this set, can not be compiled.
    """
    if memory.eight_bit or memory.offload:
        raise UsageProblem(
            f"`--compile` does not go with the memory set `{memory.name}`, whose layers change while they compute",
            hint="leave out `--compile`, or pass a larger `--vram`",
        )
    if device.type == "cpu" and not _finds_cpp_compiler():
        raise NotFound(
            "`--compile` needs a C++ compiler, this machine has none",
            hint="install one (`apt-get install g++`, `xcode-select --install`), or leave out `--compile`",
        )
    if device.type == "cuda" and not torch.utils._triton.has_triton():
        raise NotFound(
            "`--compile` needs Triton and a graphics card that it knows, from 2018 or later",
            hint="run `pip install triton`, or leave out `--compile`",
        )


def _finds_cpp_compiler() -> bool:
    # torch is asked, which knows of `CXX` and of each system's usual compilers
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError):
        return False
    return True

"""Which files of a folder are a diffusers model: its configuration and one set of safetensors weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG: Final = "config.json"
_STEM: Final = "diffusion_pytorch_model"
_WHOLE: Final = f"{_STEM}.safetensors"
_INDEX: Final = f"{_STEM}.safetensors.index.json"
_HALF: Final = f"{_STEM}.fp16.safetensors"
_SHARD: Final = re.compile(rf"{_STEM}-\d{{5}}-of-(\d{{5}})\.safetensors")
_PICKLES: Final = (".bin", ".ckpt", ".pt", ".pth")


def model_files(names: Iterable[str], *, place: str) -> dict[str, str]:
    """The files to take, and what they are called in a base: weights as they were published first, half precision last.

    Args:
        names: of all files in a folder.
        place: what messages call the folder.

    Raises:
        NotFound: no configuration, or no safetensors weights; pickles are never taken.
    """
    present = set(names)
    if CONFIG not in present:
        raise NotFound(f"{place} has no `{CONFIG}`", hint="give a folder that diffusers' `save_pretrained` wrote")
    shards = sorted(name for name in present if _SHARD.fullmatch(name))
    if _WHOLE in present:
        weights = {_WHOLE: _WHOLE}
    elif shards and _INDEX in present and all(_SHARD.sub(r"\1", name) == f"{len(shards):05}" for name in shards):
        weights = {name: name for name in (*shards, _INDEX)}
    elif _HALF in present:
        weights = {_HALF: _WHOLE}
    else:
        raise _no_weights(present, shards, place)
    return {CONFIG: CONFIG, **weights}


def _no_weights(present: set[str], shards: list[str], place: str) -> NotFound:
    hint = "save the model again with diffusers' `save_pretrained`, which writes safetensors"
    if shards:
        total = int(_SHARD.sub(r"\1", shards[0]))
        return NotFound(f"{place} has {len(shards)} of {total} files of weights, or no `{_INDEX}`", hint=hint)
    pickles = sorted(name for name in present if name.endswith(_PICKLES))
    if pickles:
        return NotFound(f"{place} has its weights as a pickle (`{pickles[0]}`), expected `{_WHOLE}`", hint=hint)
    return NotFound(f"{place} has no weights, expected `{_WHOLE}`", hint=hint)

"""Single tensors of a base's denoiser, read from its files without loading the rest."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from safetensors import safe_open

from engine.bases.base_folder import base_folder, denoiser_folders
from engine.bases.fingerprint import weight_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


class BaseTensors:
    """The denoiser's tensors by name.

    Args:
        base: a base's folder or name.
    """

    def __init__(self, base: str | Path) -> None:
        self._folders = denoiser_folders(base_folder(base))

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        places: dict[str, Path] = {}
        for path in (path for folder in self._folders for path in weight_files(folder)):
            with safe_open(path, framework="pt") as file:
                places |= dict.fromkeys(file.keys(), path)
        return places

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> Tensor:
        """One tensor, as it is stored."""
        with safe_open(self._files[name], framework="pt") as file:
            tensor: Tensor = file.get_tensor(name)
            return tensor

"""What a denoiser is, as digests: of its architecture and of its weights; free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.compatibility import fingerprint
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.bases.diffusers_types import DenoiserModel


def module_fingerprint(denoiser: DenoiserModel) -> Digest:
    """Fingerprint of a model in memory: names and shapes of all parameters and persistent buffers."""
    return fingerprint({name: tuple(tensor.shape) for name, tensor in denoiser.state_dict().items()})


def file_shapes(paths: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors in safetensors files, from their headers alone.

    Raises:
        IntegrityProblem: a broken file, or a tensor in two files.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        with path.open("rb") as stream:
            header = read_header(stream, path.stat().st_size, source=path.name)
        twice = sorted(shapes.keys() & header.tensors.keys())
        if twice:
            msg = f"{path.name}: tensor `{twice[0]}` is in another file too"
            raise IntegrityProblem(msg)
        shapes |= {name: info.shape for name, info in header.tensors.items()}
    return shapes


def folder_shapes(*folders: Path) -> dict[str, tuple[int, ...]]:
    """The same of a model on disk, in one folder or several.

    Raises:
        IntegrityProblem: as `file_shapes`, and for a folder without a safetensors file.
    """
    return file_shapes(path for folder in folders for path in weight_files(folder))


def folder_fingerprint(*folders: Path) -> Digest:
    """Fingerprint of a model on disk, in one folder or several: nothing is loaded; raises what `folder_shapes` does."""
    return fingerprint(folder_shapes(*folders))


def weights_digest(*folders: Path) -> Digest:
    """Digest of the weights in all `folders`: of the names and digests of their safetensors files.

    Raises:
        IntegrityProblem: a folder has none.
    """
    files = []
    for path in (path for folder in folders for path in weight_files(folder)):
        with path.open("rb") as stream:
            files.append((path.name, Digest.of_stream(stream)))
    return digest_of_weights(files)


def digest_of_weights(files: Iterable[tuple[str, Digest]]) -> Digest:
    """The same from what is known already: file names and digests, folder by folder, sorted in each."""
    return Digest.of("".join(f"{name} {digest.hex}\n" for name, digest in files).encode())


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a diffusers model folder, by name.

    Raises:
        IntegrityProblem: there is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        msg = f"base folder `{folder}` has no safetensors file"
        raise IntegrityProblem(msg)
    return files

"""What lies where in a base's folder, and whether it is still what it was; free of torch.

| name | what |
|---|---|
| `base.json` | a `BaseSpec` |
| `unet/` or `transformer/` | the denoiser, as diffusers saves it |
| `motion_adapter/` | optional: the motion modules of a `unet/` that has none of its own |
| `image_encoder/` | optional: what sees the photo for the denoiser, as in diffusers' image-to-video pipelines |
| `vae/` | the autoencoder |
| `condition.safetensors` | what stands for words |
"""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.bases.fingerprint import folder_fingerprint, folder_shapes, weights_digest
from registry_schema.base_spec import BaseSpec
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGED: Final = Path(__file__).parent
SPEC_NAME: Final = "base.json"
CONDITION_NAME: Final = "condition.safetensors"
CONFIG_NAME: Final = "config.json"
IMAGE_ENCODER: Final = "image_encoder"
MOTION_ADAPTER: Final = "motion_adapter"
AUTOENCODER: Final = "vae"


def packaged_bases() -> tuple[str, ...]:
    """Names of the bases that ship with the package."""
    return tuple(sorted(path.parent.name for path in PACKAGED.glob(f"*/{SPEC_NAME}")))


def base_folder(name_or_folder: str | Path, *, search: Sequence[Path] = ()) -> Path:
    """Where a base lies: any by its folder, one that was installed or is packaged by its name.

    Args:
        name_or_folder: of the base.
        search: folders with installed bases, each in a folder of its own name; asked before the package.

    Raises:
        NotFound: neither; the hint has the nearest name.
    """
    folder = Path(name_or_folder)
    if (folder / SPEC_NAME).is_file():
        return folder
    name = str(name_or_folder)
    known = {path.parent.name: path.parent for place in (PACKAGED, *search) for path in place.glob(f"*/{SPEC_NAME}")}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"bases here: {', '.join(sorted(known)) or 'none'}"
    msg = f"base `{name_or_folder}` is not there, expected the name of a base or a folder with `{SPEC_NAME}`"
    raise NotFound(msg, hint=hint)


def read_base_spec(name_or_folder: str | Path, *, search: Sequence[Path] = ()) -> BaseSpec:
    """What a base is, without loading it.

    Raises:
        NotFound: there is no such base.
        SchemaError: its `base.json` is not valid.
    """
    path = base_folder(name_or_folder, search=search) / SPEC_NAME
    return BaseSpec.parse(path.read_bytes(), source=str(path))


def denoiser_folder(folder: Path) -> Path:
    """The folder with the denoiser, or with all of it but its motion modules.

    Raises:
        IntegrityProblem: there is none.
    """
    for name in ("unet", "transformer"):
        if (folder / name).is_dir():
            return folder / name
    msg = f"base folder `{folder}` has neither `unet` nor `transformer`"
    raise IntegrityProblem(msg, hint="install the base again")


def denoiser_folders(folder: Path) -> tuple[Path, ...]:
    """The folders that make up the denoiser: its own, and that of its motion modules if they lie apart."""
    adapter = folder / MOTION_ADAPTER
    return (denoiser_folder(folder), *((adapter,) if adapter.is_dir() else ()))


def weight_folders(folder: Path) -> tuple[Path, ...]:
    """The folders whose weights an adapter is trained with: the denoiser's, and its image encoder's if it has one."""
    encoder = folder / IMAGE_ENCODER
    return (*denoiser_folders(folder), *((encoder,) if encoder.is_dir() else ()))


def parameter_count(folder: Path) -> int:
    """How many numbers the denoiser has, from file headers; raises `IntegrityProblem` if it is not there."""
    return sum(math.prod(shape) for shape in folder_shapes(*denoiser_folders(folder)).values())


def check_architecture(folder: Path, spec: BaseSpec) -> None:
    """Make sure that the denoiser has the architecture of its spec; reads file headers only.

    Raises:
        IntegrityProblem: it has not.
    """
    found = folder_fingerprint(*denoiser_folders(folder))
    _require(spec.name, "architecture", expected=spec.architecture, found=found)


def verify_base(name_or_folder: str | Path, *, search: Sequence[Path] = ()) -> None:
    """Make sure that a base's weights are, byte for byte, those its spec names, and so are all files it lists.

    Raises:
        IntegrityProblem: they are not.
    """
    folder = base_folder(name_or_folder, search=search)
    spec = read_base_spec(folder)
    check_architecture(folder, spec)
    _require(spec.name, "weights", expected=spec.weights, found=weights_digest(*weight_folders(folder)))
    denoiser = {path.name for path in weight_folders(folder)}
    for file in spec.files or ():
        path = folder / file.path
        if not path.is_file() or path.stat().st_size != file.size:
            msg = f"base `{spec.name}`: `{file.path}` is missing or not of `{file.size}` bytes, as base.json says"
            raise IntegrityProblem(msg, hint="install the base again")
        if path.suffix == ".safetensors" and path.parent.name in denoiser:
            continue  # it was part of the digest of the weights
        with path.open("rb") as stream:
            _require(spec.name, f"`{file.path}`", expected=file.digest, found=Digest.of_stream(stream))


def _require(name: str, what: str, *, expected: Digest, found: Digest) -> None:
    if expected != found:
        msg = f"base `{name}`: digest of its {what} is `{found[:19]}...`, base.json says `{expected[:19]}...`"
        raise IntegrityProblem(msg, hint="install the base again")

"""From the parts of a published base to a base: checked, with its condition and its `base.json`; free of torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from engine.bases.base_folder import AUTOENCODER, CONDITION_NAME, CONFIG_NAME, SPEC_NAME
from engine.bases.fingerprint import digest_of_weights, weight_files
from engine.bases.part_check import check_part, read_config
from registry_schema.base_spec import BaseFile
from registry_schema.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.bases.published_bases import KnownPublication
    from registry_schema.base_spec import BaseSource, BaseSpec
    from registry_schema.names import BaseName

_FLOAT16_BYTES: Final = 2


def seal_base(
    folder: Path, publication: KnownPublication, *, name: BaseName, sources: Sequence[BaseSource] = ()
) -> BaseSpec:
    """Make a base of the parts in `folder`, and say what it is.

    Args:
        folder: has a folder for each part, `unet/` and so on, with a diffusers model.
        publication: what it should be.
        name: of the base on this machine; the publication's own unless the weights are others.
        sources: where the parts came from, if they were fetched.

    Raises:
        NotFound, Incompatible, IntegrityProblem: a part is missing, another model, or broken.
    """
    for part in publication.base.parts:
        check_part(folder / part.part, part, publication, weights=weight_files(folder / part.part))
        config = {**publication.config(part.part), **_stated(read_config(folder / part.part))}
        (folder / part.part / CONFIG_NAME).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / CONDITION_NAME).write_bytes(null_condition(publication.base.condition_width))
    files = tuple(_files(folder, publication))
    denoiser = [part.part for part in publication.base.parts if part.part != AUTOENCODER]
    digests = {file.path: file.digest for file in files}
    weights = digest_of_weights(
        (path.name, digests[f"{part}/{path.name}"]) for part in denoiser for path in weight_files(folder / part)
    )
    spec = publication.base.with_weights(weights, name=name, files=files, sources=tuple(sources))
    (folder / SPEC_NAME).write_bytes(spec.to_bytes())
    return spec


def null_condition(width: int) -> bytes:
    """A condition file whose `null` is one token of zeros.

    No text encoder is there to embed "no words", and adapters with an implicit prompt replace what would read it. Equal
    tokens get equal attention, so one of them says the same as any number.
    """
    zeros = bytes(_FLOAT16_BYTES * width)
    entry = {"dtype": "F16", "shape": [1, 1, width], "data_offsets": [0, len(zeros)]}
    header = json.dumps({"null": entry}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + zeros


def _stated(config: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in config.items() if value is not None}


def _files(folder: Path, publication: KnownPublication) -> Iterator[BaseFile]:
    parts = [path for part in publication.base.parts for path in sorted((folder / part.part).iterdir())]
    for path in (*parts, folder / CONDITION_NAME):
        with path.open("rb") as stream:
            digest = Digest.of_stream(stream)
        yield BaseFile(path=path.relative_to(folder).as_posix(), digest=digest, size=path.stat().st_size)

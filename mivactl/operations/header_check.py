"""The look at a weights file that install, verify and publish share: only its header is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import read_header

if TYPE_CHECKING:
    from typing import BinaryIO

    from registry_schema.manifest import Manifest


def check_header(file: BinaryIO, manifest: Manifest, *, label: str) -> None:
    """Pass a weights file whose header is sound and has as many tensors as its manifest states.

    Args:
        file: the open file, at its start; the position afterwards is undefined.
        label: what messages call the file.

    Raises:
        IntegrityProblem: a hostile or broken header, or another number of tensors.
    """
    size_bytes = file.seek(0, 2)
    file.seek(0)
    header = read_header(file, size_bytes, source=label)
    if len(header.tensors) != manifest.tensors.count:
        raise IntegrityProblem(
            f"{label}: has `{len(header.tensors)}` tensors, its manifest states `{manifest.tensors.count}`",
            hint="the file is broken or hostile: do not use it, take another version",
        )

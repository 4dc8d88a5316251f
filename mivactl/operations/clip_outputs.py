"""Files that clips are written to: whether they may be replaced, and whether they are finished already."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mivactl.disk import disk_errors
from mivactl.engine_bridge import clip_receipt
from registry_schema.digests import Digest
from registry_schema.errors import Busy, MivaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.engine_bridge import AdapterUse
    from mivactl.operations.animate import Prepared
    from mivactl.operations.photo_jobs import PhotoJob
    from registry_schema.receipt import Receipt, RunSettings


def check_outputs(outputs: Sequence[Path], *, force: bool) -> None:
    """Make the folders of `outputs`, and see that each file can be written and is no stranger's.

    Raises:
        Busy: a file is there that mivactl did not write.
        UsageProblem: a folder that can not be made or written.
    """
    for path in outputs:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise UsageProblem(f"cannot write `{path}`: its folder may not be written", hint="pass another `--out`")
        if path.exists() and not force and not is_ours(path):
            raise Busy(
                f"`{path}` is there already, and mivactl did not write it",
                hint="pass another `--out`, or `--force` to replace it",
            )


def is_ours(path: Path) -> bool:
    """Whether a file, or a folder of frames, is a clip with a receipt, edited or not."""
    try:
        return clip_receipt(path) is not None
    except MivaError as error:
        # An edited receipt is still one of ours; of a broken file nobody knows.
        return error.message.startswith("receipt")


def is_finished(job: PhotoJob, uses: Sequence[AdapterUse], prepared: Prepared) -> bool:
    """Whether every output of a job is there, made of this photo, these adapters and these settings."""
    with suppress(OSError, MivaError):
        with job.photo.open("rb") as file:
            photo = Digest.of_stream(file)
        receipts = [clip_receipt(path) for path in job.outputs if path.exists()]
        return len(receipts) == len(job.outputs) and all(
            receipt is not None and _is_of(receipt, photo, uses, prepared) for receipt in receipts
        )
    return False


def _is_of(receipt: Receipt, photo: Digest, uses: Sequence[AdapterUse], prepared: Prepared) -> bool:
    return (
        receipt.photo.digest == photo
        and receipt.adapters == tuple(use.record for use in uses)
        and receipt.base == prepared.composed.chosen.base.spec.base_identity
        and _chosen(receipt.settings) == _chosen(prepared.settings)
    )


def _chosen(settings: RunSettings) -> dict[str, object]:
    """What a person chooses; device, formats, masks and the turned base size show themselves while it runs."""
    plain = settings.plain()
    clip = plain.pop("clip")
    plain.get("masks", {}).pop("given", None)
    return {**plain, "device": "", "dtype": "", "memory": "", "frames": clip["frames"]}

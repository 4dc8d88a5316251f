"""Which adapters a run measured, as the receipts of its clips say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.animation.clip_files import read_receipt
from engine.bench.run_file import clip_place

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bench.run_file import BenchRun


def measured_adapters(run: BenchRun, folder: Path) -> dict[str, str]:
    """Name and version of every adapter that made a clip of the run, by the digest of its weights.

    Raises:
        IntegrityProblem: a receipt that was edited, or a file that is no clip.
    """
    places = [
        clip_place(folder, case.name, method.name)
        for case in run.cases
        for method in run.methods
        if method.has_adapters
    ]
    receipts = [read_receipt(place) for place in places if place.is_file()]
    return {
        str(record.weights): f"{record.name} {record.version}"
        for receipt in receipts
        if receipt is not None
        for record in receipt.adapters
    }

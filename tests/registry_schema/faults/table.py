"""Every fault that has an asset, by the folder of its file.

`python -m tests.registry_schema.faults.table` writes the files; a test keeps them in step with this table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.registry_schema import samples
from tests.registry_schema.faults.adapter import ADAPTER
from tests.registry_schema.faults.documents import BASE, INDEX, PRESET, RECEIPT
from tests.registry_schema.faults.header import HEADER, one_tensor
from tests.registry_schema.faults.lock import LOCK
from tests.registry_schema.faults.manifest import MANIFEST
from tests.registry_schema.faults.trust import ADVISORIES, CHECKPOINT, ROOT, SIGNATURES, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Callable

ASSETS = Path(__file__).parent.parent / "assets"
FAULTS = {
    "manifest": MANIFEST + ADAPTER,
    "index": INDEX,
    "receipt": RECEIPT,
    "base": BASE,
    "preset": PRESET,
    "lock": LOCK,
    "header": HEADER,
    "root": ROOT,
    "checkpoint": CHECKPOINT,
    "snapshot": SNAPSHOT,
    "signatures": SIGNATURES,
    "advisories": ADVISORIES,
}
VALID: dict[str, Callable[[], bytes]] = {
    "manifest": lambda: samples.manifest().to_bytes(),
    "index": lambda: samples.index_line().to_bytes(),
    "receipt": lambda: samples.receipt().to_bytes(),
    "base": lambda: samples.base_spec().to_bytes(),
    "preset": lambda: samples.preset().to_bytes(),
    "lock": lambda: samples.lock().to_bytes(),
    "header": lambda: one_tensor()(b""),
    "root": lambda: samples.root().to_bytes(),
    "checkpoint": lambda: samples.checkpoint().to_bytes(),
    "snapshot": lambda: samples.snapshot().to_bytes(),
    "signatures": lambda: samples.signatures().to_bytes(),
    "advisories": lambda: samples.advisory().to_bytes(),
}


def write_assets() -> None:
    for folder, faults in FAULTS.items():
        (ASSETS / folder).mkdir(parents=True, exist_ok=True)
        for fault in faults:
            (ASSETS / folder / fault.file).write_bytes(fault.change(VALID[folder]()))


if __name__ == "__main__":
    write_assets()

"""How fast store and registries answer: `python -m docs.store_speed` prints the table in `docs/performance.md`.

Every number but the last is of a fresh process, start-up included. What a process would take that only imports the
libraries that every command needs stands beside it, measured in the same run. The last is of this process: resolving
references among many adapters, once everything is imported.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from mivactl.content import Content
from mivactl.engine_bridge import packaged_base_folders
from mivactl.operations.planning import plan_for, require_plan
from mivactl.operations.registries import add_registry
from mivactl.registry.directory import create_directory_registry
from mivactl.session import Session
from mivactl.settings import Settings
from mivactl.store.store import Store
from mivactl.store.transaction import NewBuild
from registry_schema.adapter_spec import AdapterSpec, ImplicitPromptSpec
from registry_schema.base_spec import BaseSpec
from registry_schema.catalog import CatalogBuild, CatalogLine
from registry_schema.digests import Digest
from registry_schema.files import FileEntry, FileName
from registry_schema.index import IndexLine
from registry_schema.manifest import Manifest, TensorsRecord
from registry_schema.names import AdapterName, BaseName, RegistryName
from registry_schema.ranks import Ranks
from registry_schema.ref import AdapterRef
from registry_schema.text import Licence, Timestamp
from registry_schema.versions import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY: Final = Path(__file__).parents[1]
LIBRARIES: Final = ("-c", "import typer, pydantic")
LIST: Final = ("-m", "mivactl", "list")
LARGE: Final = "my/large"
INSTALL: Final = ("-m", "mivactl", "install", LARGE)
SEARCH: Final = ("-m", "mivactl", "search", "water")
WANTED: Final = tuple(f"wanted/motion{number}" for number in range(8))
UNCOMPILED: Final = "PYTHONDONTWRITEBYTECODE"
"""Would have every process compile what an installation holds compiled."""
_MOMENT: Final = Timestamp("2026-11-20T09:30:00Z")


@dataclass(frozen=True)
class Took:
    """Seconds of one process: of the clock, and of the processor."""

    wall: float
    processor: float


def fill_store(home: Path, *, count: int = 0, large_bytes: int = 0) -> None:
    """Install `count` small adapters, and one of `large_bytes`, below `home` as `install` does but for flushing."""
    store = Store(home / "store")
    small = b"\0" * 4096
    builds = [(f"my/motion-{number:04d}", small) for number in range(count)]
    if large_bytes:
        builds.append((LARGE, b"\1" * large_bytes))
    # what is made for measuring need not survive a power cut
    with patch.object(os, "fsync"), store.transaction() as change:
        for name, weights in builds:
            manifest = small_manifest(name, weights)
            line = IndexLine.for_manifest(manifest, published=_MOMENT)
            described = Content(line.manifest.digest, line.manifest.size, name)
            files = tuple(Content(entry.digest, entry.size, entry.path) for entry in manifest.files)
            chunks = {described.digest: (manifest.to_bytes(),), files[0].digest: (weights,)}
            change.add(NewBuild(line, RegistryName("starter"), described, files), chunks)


def fill_registry(home: Path, root: Path, *, count: int) -> None:
    """A registry of `count` adapters in which a search finds every one, and eight that are whole, known to `home`."""
    registry = create_directory_registry(RegistryName("crowded"), root)
    build = CatalogBuild(base=BaseName("nano"), masked=False, version=Version("1.0.0"), size=2_000_000)
    described = {"title": "Falling water", "summary": "Water falls and foams", "motion": "water falling"}
    with patch.object(os, "fsync"):
        for name in WANTED:
            weights = name.encode()
            file = root / "weights"
            file.write_bytes(weights)
            registry.publish(small_manifest(name, weights), {Digest.of(weights): file})
            file.unlink()
        names = [AdapterName(f"many/motion{number:05}") for number in range(count)]
        lines = (CatalogLine(name=name, licence=Licence("Apache-2.0"), builds=(build,), **described) for name in names)
        whole = (root / "catalog.jsonl").read_bytes()
        (root / "catalog.jsonl").write_bytes(b"".join(line.to_bytes() for line in lines) + whole)
        for name in names:
            registry.index_path(name).parent.mkdir(exist_ok=True)
            registry.index_path(name).touch()
        add_registry(registry.name, str(root), Session(Settings(home=home)))


def resolving_seconds(home: Path, rounds: int) -> float:
    """The median of resolving eight references, each time with nothing of the registries read before."""
    refs = [AdapterRef.parse(name) for name in WANTED]
    times = []
    for _ in range(rounds + 1):
        session, started = Session(Settings(home=home)), time.perf_counter()
        require_plan(plan_for(refs, session), refs)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def took(arguments: Sequence[str], home: Path) -> Took:
    """One Python process, run to its end; raises if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MIVACTL_")}
    kept.pop(UNCOMPILED, None)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        env={**kept, "MIVACTL_HOME": str(home), "OMP_NUM_THREADS": "1"},
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(time.perf_counter() - started, processor)


def medians(commands: Sequence[tuple[Sequence[str], Path]], *, rounds: int) -> list[Took]:
    """The median of each command; they take turns, so that what else the machine does meets all of them."""
    for command, home in commands:
        took(command, home)
    times = [[took(command, home) for command, home in commands] for _ in range(rounds)]
    columns = zip(*times, strict=True)
    return [
        Took(statistics.median(one.wall for one in column), statistics.median(one.processor for one in column))
        for column in columns
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--large", type=int, default=100_000_000, metavar="BYTES")
    parser.add_argument("--adapters", type=int, default=20_000, help="in the registry that is searched")
    parser.add_argument("--rounds", type=int, default=11)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        empty, full, large, crowded = (Path(folder) / name for name in ("empty", "full", "large", "crowded"))
        fill_store(full, count=chosen.count)
        fill_store(large, large_bytes=chosen.large)
        fill_registry(crowded, Path(folder) / "registry", count=chosen.adapters)
        rows = {
            "libraries alone": (LIBRARIES, empty),
            "list, nothing installed": (LIST, empty),
            f"list, {chosen.count} installed": (LIST, full),
            f"install, {chosen.large / 1e6:.0f} MB there already": (INSTALL, large),
            f"search, found in all of {chosen.adapters}": (SEARCH, crowded),
        }
        found = medians(list(rows.values()), rounds=chosen.rounds)
        resolving = resolving_seconds(crowded, chosen.rounds)
    sys.stdout.write(f"{'fresh process':34}{'wall':>9}{'processor':>12}{'libraries':>12}\n")
    for name, one in zip(rows, found, strict=True):
        share = one.processor / found[0].processor
        sys.stdout.write(f"{name:34}{one.wall:7.3f} s{one.processor:10.3f} s{share:10.2f} x\n")
    sys.stdout.write(f"{f'resolve 8 of {chosen.adapters}, no start-up':34}{resolving:7.3f} s\n")


def small_manifest(name: str, weights: bytes) -> Manifest:
    """The manifest of an adapter for the packaged base, with one tensor."""
    base = BaseSpec.parse((packaged_base_folders()[0] / "base.json").read_bytes())
    spec = AdapterSpec(
        base=base.base_identity,
        masked=False,
        motion="moves",
        ranks=Ranks(implicit_prompt=4),
        implicit_prompt=ImplicitPromptSpec(words="moves"),
        clip=base.clip,
        noise_schedule=base.noise_schedule,
    )
    file = FileEntry(path=FileName("adapter.safetensors"), digest=Digest.of(weights), size=len(weights), kind="weights")
    return Manifest(
        name=AdapterName(name),
        version=Version("1.0.0"),
        title="Moves",
        summary="It moves",
        licence=Licence("Apache-2.0"),
        created=_MOMENT,
        adapter=spec,
        files=(file,),
        tensors=TensorsRecord(count=1, digest=Digest.of(weights)),
    )


if __name__ == "__main__":
    main()

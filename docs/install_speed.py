"""How fast a cold install is: `python -m docs.install_speed` prints the table in `docs/performance.md`.

An adapter of 100 MB is installed from Debian's nginx on loopback, into an empty store, beside `curl`, `sha256sum` and
`sync` of the same file from the same server; the two take turns. Each install is a process of its own, timed from where
its modules are imported: start-up is no part of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import trustme
from safetensors.numpy import save

from docs.store_speed import REPOSITORY, small_manifest
from mivactl.registry.directory import create_directory_registry
from registry_schema.digests import Digest
from registry_schema.names import RegistryName
from tests.servers.nginx import nginx

if TYPE_CHECKING:
    from tests.servers.nginx import Nginx

NAME: Final = "acme/large"
INSTALL: Final = f"""
import sys, time
from mivactl.operations.install import InstallOptions, install
from mivactl.session import Session
from mivactl.settings import load_settings
from registry_schema.ref import AdapterRef
import os, mivactl.registry.http_source, mivactl.transfer.fetch, urllib3
session, refs = Session(load_settings(os.environ)), [AdapterRef.parse("{NAME}")]
started = time.perf_counter()
done = install(refs, session, InstallOptions())
taken = time.perf_counter() - started
assert [step.action for step in done.steps] == ["added"], done
print(taken)
"""
FETCH: Final = 'curl --silent --show-error --fail --output "$1" "$2" && sha256sum "$1" && sync "$1"'


@dataclass(frozen=True)
class Place:
    """The registry and its large file, as the server shows them, and a home that knows the registry."""

    url: str
    weights: str
    home: Path


def make_place(server: Nginx, folder: Path, size_bytes: int) -> Place:
    """Publish an adapter with one tensor that does not compress where `server` shows it."""
    tensor = np.random.default_rng(0).integers(0, 1 << 16, size_bytes // 4, dtype=np.uint32).view(np.float32)
    content = save({"miva.o.weight": tensor})
    manifest = small_manifest(NAME, content)
    file = folder / "adapter.safetensors"
    file.write_bytes(content)
    digest = Digest.of(content)
    create_directory_registry(RegistryName("large"), server.root / "adapters").publish(manifest, {digest: file})
    url, home = f"{server.http}/adapters", folder / "home"
    command = [sys.executable, "-m", "mivactl", "registry", "add", "large", url]
    subprocess.run(command, env=environment(home), cwd=REPOSITORY, check=True, capture_output=True)
    return Place(url, f"{url}/blobs/sha256/{digest.hex[:2]}/{digest.hex[2:]}", home)


def environment(home: Path) -> dict[str, str]:
    """That of a process with this home, and nothing else of mivactl's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MIVACTL_")}
    return {**kept, "MIVACTL_HOME": str(home), "OMP_NUM_THREADS": "1"}


def install_seconds(place: Place) -> float:
    """One install into an empty store, with nothing of the registry remembered."""
    for name in ("store", "cache"):
        shutil.rmtree(place.home / name, ignore_errors=True)
    command = [sys.executable, "-c", INSTALL]
    done = subprocess.run(
        command, env=environment(place.home), cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def fetch_seconds(place: Place) -> float:
    """What the three programs take of the same file on the same disk."""
    target = place.home / "fetched"
    target.unlink(missing_ok=True)
    started = time.perf_counter()
    subprocess.run(["sh", "-c", FETCH, "sh", str(target), place.weights], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=100_000_000, metavar="BYTES")
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as text, nginx(Path(text), trustme.CA()) as server:
        place = make_place(server, Path(text), chosen.size)
        install_seconds(place)
        pairs = [(fetch_seconds(place), install_seconds(place)) for _ in range(chosen.rounds)]
    columns = {
        "curl, sha256sum, sync": [fetched for fetched, _ in pairs],
        f"mivactl install, {chosen.size / 1e6:.0f} MB": [installed for _, installed in pairs],
        "ratio within a round": [installed / fetched for fetched, installed in pairs],
    }
    sys.stdout.write(f"{'cold, nginx on loopback':34}{'median':>10}{'least':>10}\n")
    for name, values in columns.items():
        unit = "  " if name.startswith("ratio") else " s"
        sys.stdout.write(f"{name:34}{statistics.median(values):8.3f}{unit}{min(values):8.3f}{unit}\n")


if __name__ == "__main__":
    main()

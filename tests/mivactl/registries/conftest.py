"""A registry of each kind, empty, under the address a person would add."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.mivactl.registries.places import s3_environment, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mivactl.world import World


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket, `s3://...`."""
    for name, value in s3_environment(s3_address).items():
        monkeypatch.setenv(name, value)
    import s3fs

    name = f"adapters-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem(skip_instance_cache=True).call_s3("create_bucket", Bucket=name)
    return f"s3://{name}/registry"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.server)])
def place(request: pytest.FixtureRequest, world: World) -> str:
    """The address of a new, empty registry of each kind that takes files."""
    seed = world.folder / "seed"
    world.ok("registry", "init", seed, "--name", "studio")
    if request.param == "folder":
        return str(seed)
    address: str = request.getfixturevalue("bucket")
    world.ok("registry", "sync", seed, address)
    return address

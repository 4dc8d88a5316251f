"""A registry of each kind, empty, under the address a person would add."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.fake_hub import TOKEN, FakeHub
from tests.mivactl.registries.places import hub_environment, s3_environment, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mivactl.world import World

# huggingface_hub hands its HTTP library the bytes in a way that one calls outdated
UPLOADS = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


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


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A fake of the Hub, and the environment of somebody who may write there."""
    with FakeHub() as hub:
        for name, value in hub_environment(hub.endpoint, token=TOKEN).items():
            monkeypatch.setenv(name, value)
        # The library reads its switches once, maybe while another test had them otherwise.
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield hub


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.server), pytest.param("hub", marks=UPLOADS)])
def place(request: pytest.FixtureRequest, world: World) -> str:
    """The address of a new, empty registry of each kind that takes builds."""
    if request.param == "hub":
        request.getfixturevalue("fake_hub")
        return "hf://acme"
    seed = world.folder / "seed"
    world.ok("registry", "init", seed, "--name", "studio")
    if request.param == "folder":
        return str(seed)
    address: str = request.getfixturevalue("bucket")
    world.ok("registry", "sync", seed, address)
    return address

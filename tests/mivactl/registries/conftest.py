"""A registry of each kind, empty, under the address a person would add."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.fake_hub import TOKEN, FakeHub
from tests.mivactl.registries.places import hub_environment, s3_environment, s3_server
from tests.servers.docker_registry import DockerRegistry, docker_registry
from tests.servers.fixtures import authority, ca_file, web
from tests.servers.nginx import Nginx, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from tests.mivactl.world import World

# huggingface_hub hands its HTTP library the bytes in a way that one calls outdated
UPLOADS = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

__all__ = ["authority", "ca_file", "web"]


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


@pytest.fixture(scope="session")
def shared_web(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), authority) as running:
        yield running


@pytest.fixture(scope="session")
def shared_docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("docker-registry")) as running:
        yield running


@pytest.fixture
def repositories(shared_docker_registry: DockerRegistry, world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix without repositories, `oci://...`; registries called `studio` and `other` may use it."""
    for name in ("STUDIO", "OTHER"):
        monkeypatch.setenv(f"MIVACTL_TOKEN_{name}", shared_docker_registry.secret)
    return f"{shared_docker_registry.address}/team/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def web_folder(shared_web: Nginx, world: World) -> str:
    """An address of nginx; what is published into the seed is brought to its folder after every change."""
    name = uuid.uuid4().hex[:12]
    world.after_change = ("registry", "sync", world.folder / "seed", shared_web.root / name)
    return f"{shared_web.http}/{name}"


SERVED = {"s3": "bucket", "oci": "repositories", "nginx": "web_folder"}
KINDS = [
    "folder",
    *(pytest.param(kind, marks=pytest.mark.server) for kind in SERVED),
    pytest.param("hub", marks=UPLOADS),
]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, world: World) -> str:
    """The address of a new, empty registry of each kind."""
    if request.param == "hub":
        request.getfixturevalue("fake_hub")
        return "hf://acme"
    seed = world.folder / "seed"
    if request.param == "folder":
        world.ok("registry", "init", seed, "--name", "studio")
        return str(seed)
    address: str = request.getfixturevalue(SERVED[request.param])
    world.ok("registry", "init", seed, "--name", "studio")
    if world.after_change is None:
        world.ok("registry", "sync", seed, address)
    return address

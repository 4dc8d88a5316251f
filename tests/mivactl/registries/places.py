"""Real places for registries, one for each kind: a folder, and buckets of a real S3 server on loopback."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.servers.need import SWITCH

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def s3_server() -> Iterator[str]:
    """A moto server; the address it answers at."""
    if os.environ.get(SWITCH) == "1":
        pytest.skip(f"{SWITCH}=1: no S3 server is started")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_environment(address: str) -> dict[str, str]:
    """The variables that lead S3's own tools to the server at `address`."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # What the machine is set up for otherwise must not be asked.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def hub_environment(endpoint: str, *, token: str | None = None) -> dict[str, str]:
    """The variables that lead huggingface_hub to the server at `endpoint`."""
    return {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        # A token of whoever runs the tests must not be sent.
        "HF_TOKEN_PATH": os.devnull,
        **({"HF_TOKEN": token} if token else {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}),
    }

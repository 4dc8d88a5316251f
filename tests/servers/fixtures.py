"""Fixtures that every test of a transport shares; `conftest.py` of such a folder imports the names it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from tests.servers.nginx import Nginx, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Whom the tests' servers have their certificates from, and nobody else trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Nginx]:
    """A real nginx with an empty folder."""
    with nginx(tmp_path_factory.mktemp("nginx"), authority) as running:
        yield running

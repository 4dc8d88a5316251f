"""A cold install takes about what fetching, hashing and flushing the same file takes."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest
import trustme

from docs.install_speed import fetch_seconds, install_seconds, make_place
from tests.servers.nginx import nginx

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.server
def test_what_is_timed_is_an_install_and_a_fetch_of_the_same_file(tmp_path: Path):
    with nginx(tmp_path, trustme.CA()) as server:
        place = make_place(server, tmp_path, 1_000_000)
        assert install_seconds(place) > 0
        assert fetch_seconds(place) > 0
        fetched = (place.home / "fetched").read_bytes()
        assert fetched in [path.read_bytes() for path in (place.home / "store" / "blobs").rglob("*") if path.is_file()]


@pytest.mark.server
@pytest.mark.acceptance
def test_a_cold_install_takes_at_most_twice_as_long_as_curl_sha256sum_and_sync(tmp_path: Path):
    with nginx(tmp_path, trustme.CA()) as server:
        place = make_place(server, tmp_path, 100_000_000)
        install_seconds(place)
        pairs = [(fetch_seconds(place), install_seconds(place)) for _ in range(9)]
    assert statistics.median(installed / fetched for fetched, installed in pairs) <= 2

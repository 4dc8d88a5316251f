"""`miva.lock` as a document: canonical bytes, and no room for what must not be in it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_schema.errors import SchemaError
from registry_schema.lock import Lock
from registry_schema.registry_address import RegistryUrl
from tests.registry_schema import samples
from tests.registry_schema.strategies import NAMES, VERSIONS


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NAMES, VERSIONS, st.booleans()), max_size=6, unique_by=lambda row: row[0]))
def test_a_lock_survives_its_bytes(rows):
    template = samples.locked("my/waterfall", "starter")
    adapters = tuple(
        template.model_copy(update={"name": name, "version": version, "masked": masked, "range": f"=={version}"})
        for name, version, masked in sorted(rows)
    )
    registries = samples.lock().registries[:1] if rows else ()
    lock = Lock.of(
        {
            "base": samples.base_spec().base_identity.plain(),
            "registries": [registry.plain() for registry in registries],
            "adapters": [adapter.plain() for adapter in adapters],
        },
        source="test",
    )
    assert Lock.parse(lock.to_bytes()) == lock
    assert Lock.parse(lock.to_bytes()).to_bytes() == lock.to_bytes()
    assert tomllib.loads(lock.to_bytes().decode()) == lock.plain()


def test_each_fact_has_a_line_of_its_own_so_that_merges_stay_small():
    data = samples.lock().to_bytes().decode()
    assert data.startswith("# Written by `mivactl lock`")
    assert data.count("[[adapters]]") == 2
    assert max(len(line) for line in data.splitlines()) < 100


def test_a_lock_that_is_too_long_is_not_even_parsed():
    with pytest.raises(SchemaError, match="expected at most 524288"):
        Lock.parse(samples.lock().to_bytes() + b"#" * (1 << 19))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://127.0.0.1:8080/adapters/v1",
        "http://[::1]:8080/",
        "s3://bucket/prefix",
        "hf://someone/adapters",
        "oci://registry.example.org/miva",
    ],
)
def test_an_address_of_any_transport_has_its_place(url: str):
    assert RegistryUrl(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://user@example.org",
        "https://user:pass@example.org/x",
        "https://example.org/?X-Amz-Signature=1",
        "https://example.org/#token",
        "file:///home/me",
        "/home/me/registry",
        "C:\\registry",
        "https://example.org/a b",
        "https://example.org/\n",
        "HTTPS://example.org",
        "https://",
        "https://" + "a" * 600,
    ],
)
def test_credentials_and_local_paths_have_none(url: str):
    assert RegistryUrl.problem(url) is not None

"""Faults of locks: what a slip of the keyboard, a bad merge or somebody hostile makes of them."""

from __future__ import annotations

from tests.registry_schema.faults.fault import NEWER, Fault, swap

_URL = b"https://adapters.example.org/studio"
_NO_URL = "is not a plain URL, expected scheme, host and path without user, password or query"

LOCK = (
    Fault(
        "merge-marks.lock",
        lambda data: b"<<<<<<< ours\n" + data,
        "is not TOML: Invalid statement (at line 1, column 1)",
    ),
    Fault("nested.lock", lambda data: data + b"x = " + b"[" * 5000 + b"]" * 5000 + b"\n", "is nested too deep"),
    Fault("latin-1.lock", lambda data: data + b"# caf\xe9\n", "byte 1326 is not UTF-8"),
    Fault(
        "schema-newer.lock",
        swap(b"miva.lock/1", b"miva.lock/2"),
        "schema `miva.lock/2` is not known, expected `miva.lock/1`",
        NEWER,
    ),
    Fault("schema-absent.lock", swap(b'schema = "miva.lock/1"\n', b""), "schema is missing, expected `miva.lock/1`"),
    Fault("base-absent.lock", swap(b"[base]", b"[bass]"), "bass is not a known field", "did you mean `base`?"),
    Fault(
        "id-short.lock",
        swap(b"6e1f3c52-", b"6e1f-"),
        "registries[1].id `6e1f-0c1f-4e8c-9a55-7d9a1f0a2b3c` is not the id of a registry, expected a UUID in "
        "lower-case letters",
    ),
    Fault(
        "url-password.lock",
        swap(_URL, b"https://me:secret@example.org/studio"),
        f"registries[1].url `https://me:secret@example.org/studio` {_NO_URL}",
    ),
    Fault(
        "url-token.lock",
        swap(_URL, b"https://example.org/studio?token=x"),
        f"registries[1].url `https://example.org/studio?token=x` {_NO_URL}",
    ),
    Fault(
        "url-local.lock", swap(_URL, b"file:///home/me/studio"), f"registries[1].url `file:///home/me/studio` {_NO_URL}"
    ),
    Fault(
        "path.lock",
        swap(b'url = "', b'path = "'),
        "registries[1].path is not a known field",
        "known here: name, id, url",
    ),
    Fault(
        "registries-unsorted.lock",
        lambda data: data.replace(b'"starter"', b'"tv"'),
        "registries[1].name `studio` comes after `tv`, expected each once and sorted",
    ),
    Fault(
        "adapter-twice.lock",
        swap(b"miva/waterfall", b"acme/fog"),
        "adapters[1].name `acme/fog` comes after `acme/fog`, expected each once and sorted",
    ),
    Fault(
        "registry-unknown.lock",
        swap(b'registry = "studio"', b'registry = "sudio"'),
        "adapters[0].registry `sudio` is not among the registries",
    ),
    Fault(
        "registry-unused.lock",
        swap(b'registry = "studio"', b'registry = "starter"'),
        "registries[1].name `studio` has no adapter in this lock",
    ),
    Fault(
        "status-unknown.lock",
        lambda data: data.replace(b'"active"', b'"good"', 1),
        "adapters[0].status `good` is not known here, expected `active`, `yanked` or `deprecated`",
    ),
    Fault(
        "masked-word.lock",
        lambda data: data.replace(b"masked = false", b'masked = "no"', 1),
        "adapters[0].masked `no` is not `true` or `false`",
    ),
    Fault(
        "weights-size.lock",
        lambda data: data.replace(b"weights.size = 1500000", b"weights.size = 3", 1),
        "adapters[0].weights.size `3` is too small, expected at least 8",
    ),
    Fault(
        "manifest-short.lock",
        lambda data: data.replace(b'manifest = "sha256:', b'manifest = "sha256:0', 1),
        "adapters[0].manifest `sha256:00b05db161cdafaee61601f4e1510866abc77e8520af241535...` has 65 hex digits, "
        "expected 64",
    ),
)

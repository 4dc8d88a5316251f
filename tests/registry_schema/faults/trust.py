"""Faults of what is signed: roots, checkpoints, snapshots, signatures and advisories."""

from __future__ import annotations

from tests.registry_schema.faults.fault import ABSENT, NEWER, Fault, put

ROOT = (
    Fault(
        "schema-newer.json",
        put("schema", value="miva.root/2"),
        "schema `miva.root/2` is not known, expected `miva.root/1`",
        NEWER,
    ),
    Fault("keys-none.json", put("keys", value=[]), "keys has 0 entries, expected at least 1"),
    Fault(
        "key-twice.json",
        put("keys", value=["ed25519:" + 64 * "a", "ed25519:" + 64 * "a"]),
        "keys names one key twice, expected each once",
    ),
    Fault(
        "key-upper-case.json",
        put("keys", 0, value="ed25519:" + 64 * "A"),
        "keys[0] `ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA...` is not a public key, "
        "expected `ed25519:` and 64 hex digits",
    ),
    Fault("threshold-high.json", put("threshold", value=3), "threshold `3` is more than the 2 keys there are"),
    Fault("threshold-zero.json", put("threshold", value=0), "threshold `0` is too small, expected at least 1"),
    Fault("version-zero.json", put("version", value=0), "version `0` is too small, expected at least 1"),
    Fault(
        "registry-name.json",
        put("registry", value="studio"),
        "registry `studio` is not the id of a registry, expected a UUID in lower-case letters",
    ),
    Fault("expires-absent.json", put("expires", value=ABSENT), "expires is missing"),
)

CHECKPOINT = (
    Fault(
        "expires-late.json",
        put("expires", value="2026-11-27T09:30:01Z"),
        "expires `2026-11-27T09:30:01Z` is not within 7 days after issued `2026-11-20T09:30:00Z`",
    ),
    Fault(
        "expires-before.json",
        put("expires", value="2026-11-20T09:30:00Z"),
        "expires `2026-11-20T09:30:00Z` is not within 7 days after issued `2026-11-20T09:30:00Z`",
    ),
    Fault("counter-zero.json", put("counter", value=0), "counter `0` is too small, expected at least 1"),
    Fault("counter-text.json", put("counter", value="7"), "counter `7` is not a whole number"),
    Fault(
        "snapshot-large.json",
        put("snapshot", "size", value=8388609),
        "snapshot.size `8388609` is too large, expected at most 8388608",
    ),
    Fault(
        "over-4-kib.json", lambda data: data.rstrip() + 4096 * b" " + b"\n", "is 4401 bytes long, expected at most 4096"
    ),
)

SNAPSHOT = (
    Fault(
        "path-of-a-blob.json",
        put("files", "blobs/x", value={"digest": "sha256:" + 64 * "0", "size": 1, "lines": 1}),
        "files.blobs/x `blobs/x` is not signed, expected `index/NAMESPACE/NAME.jsonl`, `catalog.jsonl` or "
        "`advisories.jsonl`",
    ),
    Fault(
        "path-escapes.json",
        put("files", "index/../x.jsonl", value={"digest": "sha256:" + 64 * "0", "size": 1, "lines": 1}),
        "files.index/../x.jsonl `index/../x.jsonl` is not signed, expected `index/NAMESPACE/NAME.jsonl`, "
        "`catalog.jsonl` or `advisories.jsonl`",
    ),
    Fault(
        "lines-absent.json",
        put("files", "advisories.jsonl", value={"digest": "sha256:" + 64 * "0", "size": 1}),
        "files.advisories.jsonl.lines is missing",
    ),
    Fault("files-list.json", put("files", value=[]), "files is not an object with named fields"),
)

SIGNATURES = (
    Fault("none.json", put("signatures", value=[]), "signatures has 0 entries, expected at least 1"),
    Fault(
        "key-twice.json",
        lambda data: put("signatures", 1, "key", value="ed25519:" + 64 * "a")(
            put("signatures", 0, "key", value="ed25519:" + 64 * "a")(data)
        ),
        "signatures[1].key has signed already, expected each key once",
    ),
    Fault(
        "value-short.json",
        put("signatures", 0, "value", value="ab"),
        "signatures[0].value `ab` is not a signature, expected 128 hex digits",
    ),
)

ADVISORIES = (
    Fault("v-absent.jsonl", put("v", value=ABSENT), ":1: v is missing, expected `1`"),
    Fault("v-text.jsonl", put("v", value="1"), ":1: v `1` is not a format, expected `1`"),
    Fault("not-finished.jsonl", lambda data: data[:-1], ": the last line has no newline, expected a finished line"),
    Fault(
        "kind-unknown.jsonl",
        put("kind", value="ugly"),
        ":1: kind `ugly` is not known here, expected `malicious`, `harmful`, `stolen` or `broken`",
    ),
    Fault(
        "reason-two-lines.jsonl",
        put("reason", value="a\nb"),
        ":1: reason `a\\nb` holds an invisible or control character, expected one line of visible text",
    ),
)

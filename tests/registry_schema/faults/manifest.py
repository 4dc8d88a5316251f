"""Faults of `miva.json`: who and what it is, its files, its JSON."""

from __future__ import annotations

from tests.registry_schema.faults.fault import ABSENT, NEWER, Fault, put, swap

WORD = "expected `namespace/name` in lower-case letters, digits and single hyphens"

MANIFEST = (
    Fault("schema-absent.json", put("schema", value=ABSENT), "schema is missing, expected `miva.manifest/1`"),
    Fault(
        "schema-newer.json",
        put("schema", value="miva.manifest/2"),
        "schema `miva.manifest/2` is not known, expected `miva.manifest/1`",
        NEWER,
    ),
    Fault(
        "schema-other.json",
        put("schema", value="miva.receipt/1"),
        "schema `miva.receipt/1` is not known, expected `miva.manifest/1`",
    ),
    Fault(
        "field-unknown.json", put("licences", value="MIT"), "licences is not a known field", "did you mean `licence`?"
    ),
    Fault(
        "field-unknown-inside.json",
        put("adapter", "ranks", "rank", value=3),
        "adapter.ranks.rank is not a known field",
        "known here: cross_frame_attention, implicit_prompt, temporal_lora, mask_stream",
    ),
    Fault("name-absent.json", put("name", value=ABSENT), "name is missing"),
    Fault("name-null.json", put("name", value=None), "name `null` is not text"),
    Fault(
        "name-bare.json",
        put("name", value="waterfall"),
        "name `waterfall` has no namespace, expected `namespace/name`, for example `miva/waterfall`",
    ),
    Fault(
        "name-upper-case.json",
        put("name", value="miva/Waterfall"),
        f"name `miva/Waterfall` is not an adapter name, {WORD}",
    ),
    Fault(
        "name-escapes.json", put("name", value="../waterfall"), f"name `../waterfall` is not an adapter name, {WORD}"
    ),
    Fault(
        "name-device.json",
        put("name", value="miva/nul"),
        "name `miva/nul` holds the device name `nul`, expected another word",
    ),
    Fault(
        "name-long.json",
        put("name", value="miva/" + 65 * "w"),
        f"name `miva/{52 * 'w'}...` has a part of 65 characters, expected at most 64",
    ),
    Fault(
        "version-short.json",
        put("version", value="1.2"),
        "version `1.2` is not a version, expected `X.Y.Z` or with `aN`, `bN`, `rcN` behind it, for example `1.2.0` or "
        "`1.2.0rc1`",
    ),
    Fault("version-number.json", put("version", value=1), "version `1` is not text"),
    Fault("title-empty.json", put("title", value=""), "title `` is empty, expected 1 to 80 characters"),
    Fault(
        "title-long.json", put("title", value=81 * "w"), f"title `{57 * 'w'}...` has 81 characters, expected at most 80"
    ),
    Fault(
        "title-turns-text.json",
        put("title", value="abc\u202edef"),
        "title `abc\\u202edef` holds an invisible or control character, expected one line of visible text",
    ),
    Fault(
        "summary-two-lines.json",
        put("summary", value="one\ntwo"),
        "summary `one\\ntwo` holds an invisible or control character, expected one line of visible text",
    ),
    Fault("summary-blank.json", put("summary", value=" water"), "summary ` water` has blanks around it, expected none"),
    Fault(
        "licence-unknown.json",
        put("licence", value="Free"),
        "licence `Free` is not an SPDX expression, expected for example `Apache-2.0` or `LicenseRef-my-licence`",
    ),
    Fault(
        "licence-spelling.json",
        put("licence", value="apache-2.0"),
        "licence `apache-2.0` is not the usual spelling, expected `Apache-2.0`",
    ),
    Fault("authors-text.json", put("authors", value="Ann"), "authors `Ann` is not a list"),
    Fault(
        "tags-many.json", put("tags", value=[f"t{n}" for n in range(17)]), "tags has 17 entries, expected at most 16"
    ),
    Fault("tags-twice.json", put("tags", value=["water", "water"]), "tags names one tag twice, expected each once"),
    Fault(
        "tag-blank.json",
        put("tags", 1, value="slow motion"),
        "tags[1] `slow motion` is not a tag, expected lower-case letters, digits and single hyphens",
    ),
    Fault(
        "created-local.json",
        put("created", value="2026-11-20 09:30"),
        "created `2026-11-20 09:30` is not a time in UTC, expected for example `2026-11-20T09:30:00Z`",
    ),
    Fault(
        "created-no-day.json",
        put("created", value="2026-02-30T09:30:00Z"),
        "created `2026-02-30T09:30:00Z` is not in the calendar, expected for example `2026-11-20T09:30:00Z`",
    ),
    Fault("files-none.json", put("files", value=[]), "files has 0 entries, expected at least 1"),
    Fault(
        "path-escapes.json",
        put("files", 0, "path", value="../x.safetensors"),
        "files[0].path `../x.safetensors` leaves the adapter folder, expected one plain file name",
    ),
    Fault(
        "path-absolute.json",
        put("files", 1, "path", value="/etc/passwd"),
        "files[1].path `/etc/passwd` leaves the adapter folder, expected one plain file name",
    ),
    Fault(
        "path-drive.json",
        put("files", 1, "path", value="C:x"),
        "files[1].path `C:x` leaves the adapter folder, expected one plain file name",
    ),
    Fault(
        "path-hidden.json",
        put("files", 1, "path", value=".ssh"),
        "files[1].path `.ssh` is not a plain file name, expected letters, digits, `.`, `_` and `-`",
    ),
    Fault(
        "path-device.json",
        put("files", 1, "path", value="NUL.md"),
        "files[1].path `NUL.md` is a device name on Windows, expected another name",
    ),
    Fault(
        "path-twice.json",
        put("files", 1, "path", value="Adapter.safetensors"),
        "files[1].path `Adapter.safetensors` is taken, expected names that differ in more than case",
    ),
    Fault(
        "path-pickle.json",
        put("files", 0, "path", value="adapter.pt"),
        "files[0].path `adapter.pt` is no safetensors file, expected weights in `NAME.safetensors`",
    ),
    Fault(
        "digest-too-short.json",
        put("files", 2, "digest", value="sha256:ab"),
        "files[2].digest `sha256:ab` has 2 hex digits, expected 64",
    ),
    Fault(
        "digest-md5.json",
        put("files", 2, "digest", value="md5:d41d8cd98f00b204e9800998ecf8427e"),
        "files[2].digest `md5:d41d8cd98f00b204e9800998ecf8427e` does not start with `sha256:`, "
        "expected `sha256:` and 64 hex digits",
    ),
    Fault(
        "digest-upper-case.json",
        put("files", 2, "digest", value="sha256:" + 64 * "A"),
        f"files[2].digest `sha256:{50 * 'A'}...` holds other characters than 0-9 and a-f, expected 64 hex digits",
    ),
    Fault(
        "size-negative.json", put("files", 0, "size", value=-1), "files[0].size `-1` is too small, expected at least 0"
    ),
    Fault(
        "size-readme.json",
        put("files", 1, "size", value=2 << 20),
        "files[1].size `2097152` is too large for a readme file, expected at most 1048576",
    ),
    Fault(
        "kind-unknown.json",
        put("files", 1, "kind", value="script"),
        "files[1].kind `script` is not known here, "
        "expected `weights`, `preview`, `receipt`, `readme`, `licence`, `recipe` or `report`",
    ),
    Fault(
        "weights-none.json",
        put("files", 0, "kind", value="preview"),
        "files has 0 entries of kind `weights`, expected exactly 1",
    ),
    Fault(
        "tensors-many.json",
        put("tensors", "count", value=8193),
        "tensors.count `8193` is too large, expected at most 8192",
    ),
    Fault("training-seed.json", put("training", "seed", value=True), "training.seed `true` is not a whole number"),
    Fault(
        "requires-caret.json",
        put("requires", value="^1.2"),
        "requires `^1.2` is not a version range, expected for example `>=1.2,<2`, `~=1.2` or `==1.0.3`",
    ),
    Fault(
        "key-twice.json",
        swap(b'  "title": "Waterfall",\n', b'  "title": "Waterfall",\n  "title": "Fire",\n'),
        "key `title` occurs twice in one object, expected once",
    ),
    Fault("not-a-number.json", swap(b'"alpha": 1.0', b'"alpha": NaN'), "holds `NaN`, expected finite numbers only"),
    Fault("infinite.json", swap(b'"alpha": 1.0', b'"alpha": 1e999'), "number `1e999` is out of range"),
    Fault(
        "byte-order-mark.json",
        lambda data: b"\xef\xbb\xbf" + data,
        "starts with a byte order mark, expected plain UTF-8",
    ),
    Fault("latin-1.json", lambda data: data[:1] + b"\xe9" + data[1:], "byte 1 is not UTF-8"),
    Fault("cut-off.json", lambda data: data[:100], "line 4, column 23 is not JSON: Unterminated string starting at"),
    Fault("too-deep.json", swap(b'"Water falls and foams"', 13 * b"[" + 13 * b"]"), "is nested more than 12 deep"),
    Fault("too-long.json", lambda data: data.ljust(65537), "is 65537 bytes long, expected at most 65536"),
    Fault("not-an-object.json", lambda _: b"[]\n", "is not an object with named fields"),
)

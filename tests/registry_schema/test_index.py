"""Indexes: lines keep their order, newer formats are left out, limits hold."""

from __future__ import annotations

import json

import pytest

from registry_schema.attachments import read_attachments
from registry_schema.errors import SchemaError
from registry_schema.index import MAX_INDEX_BYTES, MAX_LINES, later_rows, read_index, write_index
from tests.registry_schema import samples


def test_written_lines_are_read_in_their_order():
    lines = tuple(samples.index_line(version=version) for version in ("1.0.0", "1.10.0", "1.2.0"))
    assert read_index(write_index(lines)) == lines
    assert read_index(b"") == ()


def test_a_line_says_what_its_manifest_says():
    build = samples.manifest()
    line = samples.index_line()
    assert line.key == build.key
    assert line.manifest.digest == build.identity()
    assert line.manifest.size == len(build.to_bytes())
    assert (line.weights.digest, line.weights.size) == (build.weights.digest, build.weights.size)
    assert line.weights.tensors == build.tensors.digest
    assert line.base == build.adapter.base


def test_lines_of_a_newer_format_are_left_out():
    newer = json.dumps({"v": 2, "anything": [1]}).encode() + b"\n"
    line = samples.index_line()
    assert read_index(newer + line.to_bytes() + newer) == (line,)


def test_a_newer_line_still_has_to_be_strict_json():
    with pytest.raises(SchemaError, match="key `v` occurs twice"):
        read_index(b'{"v":2,"v":2}\n')


def test_one_version_may_have_a_build_for_each_base():
    line = samples.index_line()
    other = line.model_copy(update={"base": samples.flow_base_spec().base_identity})
    assert read_index(write_index([line, other])) == (line, other)


def test_a_status_may_change():
    line = samples.index_line().model_copy(update={"status": "yanked", "note": "flickers"})
    assert read_index(line.to_bytes()) == (line,)


def test_an_index_over_a_limit_is_refused():
    with pytest.raises(SchemaError) as caught:
        read_index((MAX_LINES + 1) * b'{"v":2}\n')
    assert caught.value.message == "index: has 20001 lines, expected at most 20000"
    with pytest.raises(SchemaError) as caught:
        read_index(bytes(MAX_INDEX_BYTES + 1))
    assert caught.value.message == "index: is 4194305 bytes long, expected at most 4194304"


def test_attachments_stand_behind_the_builds_and_readers_of_builds_pass_over_them():
    line, attachment = samples.index_line(), samples.attachment()
    newer = b'{"v":3,"name":["another","kind"]}\n'
    index = write_index([line], [attachment.to_bytes(), newer])
    assert read_index(index) == (line,)
    assert read_attachments(index) == (attachment,)
    assert write_index(read_index(index), later_rows(index)) == index


def test_an_attachment_is_a_preview_or_a_report_and_listed_once():
    row = samples.attachment().to_bytes()
    with pytest.raises(SchemaError, match=r"`evening\.webp` is attached already"):
        read_attachments(row + row)
    with pytest.raises(SchemaError, match="`readme` belongs to a build"):
        read_attachments(row.replace(b'"preview"', b'"readme"'))

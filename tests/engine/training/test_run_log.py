"""The log of a run: one line for each step, without gap or repeat after a resume."""

from __future__ import annotations

import json

from engine.training.run_log import RunLog


def test_lines_behind_the_saved_state_are_cut_off(tmp_path):
    path = tmp_path / "log.jsonl"
    with RunLog(path, keep_bytes=0) as log:
        log.write({"step": 1, "loss": 0.5})
        saved = log.sync()
        log.write({"step": 2, "loss": 0.4})
    with RunLog(path, keep_bytes=saved) as log:
        log.write({"step": 2, "loss": 0.4})
        log.write({"step": 3, "loss": 0.3})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_line_torn_by_a_crash_is_cut_off(tmp_path):
    path = tmp_path / "log.jsonl"
    with RunLog(path, keep_bytes=0) as log:
        log.write({"step": 1})
        saved = log.sync()
    with path.open("ab") as stream:
        stream.write(b'{"step": 2, "lo')
    with RunLog(path, keep_bytes=saved) as log:
        log.write({"step": 2})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_fresh_run_starts_an_empty_log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("old\n")
    with RunLog(path, keep_bytes=0) as log:
        assert log.sync() == 0

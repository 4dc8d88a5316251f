"""The page on security: all 23 threats, each with a defence, and every test that is named exists."""

from __future__ import annotations

import re
from pathlib import Path

from mivactl.cli.app import COMMANDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_threat_has_its_row_and_every_named_test_exists():
    assert [int(number) for number, *_ in ROWS] == list(range(1, 24))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    existing = {name for source in sources for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE)}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named <= existing, sorted(named - existing)
    for number, _, defence, tests in ROWS:
        assert re.search(r"`test_\w+`", tests), number
        assert "Not yet" not in defence + tests, number


def test_nothing_claims_that_an_adapter_is_safe():
    """A check that passed says what was checked; no output promises more."""
    spoken = [command.function.__doc__ or "" for command in COMMANDS]
    for path in (ROOT / "mivactl").rglob("*.py"):
        spoken += re.findall(r"\"([^\"\n]*)\"", path.read_text(encoding="utf-8"))
    claims = [text for text in spoken if re.search(r"\b(is|are) safe\b|\bsafe to\b|\btrustworthy\b", text)]
    assert claims == []

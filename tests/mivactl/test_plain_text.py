"""Text from elsewhere on a terminal: it can not move the cursor, turn a line, hide, or pile up."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mivactl.cli.console import Column, Console
from mivactl.cli.plain_text import plain_text
from registry_schema.errors import MivaError
from registry_schema.text import Line


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        ("a\x1b[2Jb", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;https://evil\x1b\\b\x1b]8;;\x1b\\", "ab"),
        ("a\x1bP+q\x1b\\b", "ab"),
        ("a\x1b_payload\x1b\\b", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x1b(0b", "ab"),
        ("a\x9b2Jb", "ab"),
        ("a\x9d0;title\x9cb", "ab"),
        ("a\x90payload\x9cb", "ab"),
        ("a\x1b]0;never ends", "a"),
        ("a\x1b", "a"),
        ("a\rb\x08c\x7fd", "a bcd"),
        ("one\ntwo\u2028three\x85four", "one two three four"),
        ("a\u202eb\u2066c\u2069d\u200fe", "abcde"),
        ("pass\u200bword\u00ad\ufeff\u2060", "password"),
        ("\u3164\u115f\uffa0x", "x"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("private\ue000\U000f0000", "private"),
        ("e\u0301 stays, Z" + 20 * "\u0300" + "!", "e\u0301 stays, Z" + 3 * "\u0300" + "!"),
        ("[red]text[/red] [link=file:///x]y[/link]", "[red]text[/red] [link=file:///x]y[/link]"),
        ("滝 Cascade d\u2019été", "滝 Cascade d\u2019été"),
    ],
)
def test_only_what_a_person_can_see_is_left(hostile: str, plain: str):
    assert plain_text(hostile) == plain


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys_or_nobody_sees(text: str):
    plain = plain_text(text)
    assert not {unicodedata.category(mark) for mark in plain} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert plain_text(plain) == plain


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)))
def test_plain_words_stay_as_they_are(text: str):
    assert plain_text(text) == text


HOSTILE = "my\x1b[31m[bold]title\u202e"


def test_every_way_to_print_is_sanitised_and_json_is_not(capsys: pytest.CaptureFixture[str]):
    console = Console()
    console.line(HOSTILE)
    console.note(HOSTILE)
    console.warn(HOSTILE)
    console.facts([("title", HOSTILE)])
    console.table([Column("title")], [[HOSTILE]])
    console.failure("list", MivaError(HOSTILE, hint=HOSTILE))
    out, err = capsys.readouterr()
    assert out == "my[bold]title\ntitle  my[bold]title\ntitle\nmy[bold]title\n"
    assert err == "my[bold]title\nwarning: my[bold]title\nerror: my[bold]title\nhint: my[bold]title\n"
    Console(as_json=True).answer("list", {"title": HOSTILE}, lambda: None)
    assert json.loads(capsys.readouterr().out)["data"] == {"title": HOSTILE}


@pytest.mark.parametrize("mark", "\x00\x1b\x85\u00ad\u034f\u061c\u180e\u200b\u2028\u2800\u3164\ufff9\U000e0041")
def test_a_document_does_not_take_what_nobody_sees(mark: str):
    assert Line(80).complaint(f"a{mark}b") is not None
    assert Line(80).complaint("滝 d\u2019été ❤️") is None

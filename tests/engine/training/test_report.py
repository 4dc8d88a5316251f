"""`report.html` explains a run, alone: no script, nothing fetched, nothing of a stranger becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from engine.progress import SilentProgress
from engine.training import report
from engine.training.draft import training_report, write_draft
from engine.training.report import report_page
from engine.training.run import Footage, RunPlace, run_training
from registry_schema.names import AdapterName
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_clips import moving_square, write_gif
from tests.engine.training.runs import recipe

NAME = AdapterName("my/square")
CHOICES = (
    "optimiser.steps=4",
    "evaluation.times=2",
    "evaluation.points=1",
    "evaluation.previews=1",
    "adapter.motion=<b>square</b>",
)


class Addresses(HTMLParser):
    """Collects what a browser would fetch, and every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value or "" for key, value in attrs if key in {"src", "href", "srcset", "data"}]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported")
    (folder / "clips").mkdir()
    for name in ("plain.gif", "<script>.gif"):
        write_gif(folder / "clips" / name, moving_square(8, speed=1 + len(name) % 3))
    base = tiny_unet_base()
    place = RunPlace(folder=folder / "run")
    return run_training(base, Footage(folder / "clips"), recipe(base, *CHOICES), place, progress=SilentProgress())


def page_of(outcome) -> str:
    return report_page(outcome, training_report(outcome), NAME)


def test_the_page_asks_nobody_for_anything(outcome):
    page = page_of(outcome)
    seen = Addresses()
    seen.feed(page)
    assert seen.addresses
    assert all(address.startswith(("data:", "#")) for address in seen.addresses)
    assert "script" not in seen.tags
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page


def test_it_tells_every_look_the_reason_and_the_clips(outcome):
    page = page_of(outcome)
    for look in outcome.choice.looks:
        assert f'<td class="number">{look.step}</td>' in page
    assert page.count("data:image/webp;base64,") == 2
    assert "plain.gif" in page
    assert outcome.choice.reason[1:] in page.replace("&#39;", "'")
    for _, why in outcome.choice.rejected:
        assert why in page.replace("&#39;", "'")
    assert "<svg" in page


def test_names_and_words_are_text(outcome):
    page = page_of(outcome)
    assert "<b>square</b>" not in page
    assert "&lt;b&gt;square&lt;/b&gt;" in page
    assert "&lt;script&gt;.gif" in page


def test_without_matplotlib_there_is_a_page_without_curves(outcome, monkeypatch):
    monkeypatch.setattr(report, "curves_svg", lambda *_, **__: None)
    page = page_of(outcome)
    assert "<svg" not in page
    assert "mivactl[report]" in page


def test_the_card_says_what_it_was_trained_on_and_is_not_overwritten(outcome, tmp_path):
    base = tiny_unet_base()
    write_draft(tmp_path, outcome, base.spec, NAME, footage="my own garden")
    card = (tmp_path / "README.md").read_text()
    assert "Footage: my own garden" in card
    assert "base_model: tiny" in card
    assert f"after step {outcome.chosen_step}" in card
    (tmp_path / "README.md").write_text("mine")
    write_draft(tmp_path, outcome, base.spec, NAME)
    assert (tmp_path / "README.md").read_text() == "mine"

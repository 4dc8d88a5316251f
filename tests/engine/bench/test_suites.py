"""Suites are the paper's protocol as data; switches change what they name; ranks and ties follow from numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.bench.ablations import ABLATIONS
from engine.bench.cases import lay_out_cases
from engine.bench.pictures import find_pictures
from engine.bench.run_file import BenchCase, BenchMethod, BenchRun
from engine.bench.scoring import ClipScores
from engine.bench.suite import find_suite, suite_names
from engine.bench.summary import interval, summarise
from engine.metrics.flicker import Flicker
from engine.metrics.leakage import Leakage
from engine.metrics.proxy_flow import ProxyFlow
from engine.run_settings import RunChoices, settle
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.receipt import MaskSettings, RunSettings
from tests.engine.tiny_bases import tiny_unet_base

if TYPE_CHECKING:
    from pathlib import Path


def test_the_papers_suites_have_its_numbers():
    single, multi, masked = (find_suite(name) for name in ("paper-single", "paper-multi", "paper-mmiva"))
    assert [group.most for group in single.groups] == [20] * 8
    assert sum(group.most for group in single.groups) == 160
    assert [(group.least, group.most) for group in multi.groups] == [(5, 10)] * 6
    assert {group.name for group in multi.groups} >= {"guitar-playing+turning-to-smile", "waterfall+birds-flying"}
    assert masked.masked
    assert [group.name for group in masked.groups] == ["birds-flying", "fireworks", "horse-running"]


def test_the_starter_suite_has_six_pictures_of_eleven_motions_and_five_of_six_pairs():
    groups = find_suite("starter").groups
    assert [group.most for group in groups if len(group.motions) == 1] == [6] * 11
    assert [group.most for group in groups if len(group.motions) == 2] == [5] * 6
    assert all(sum(group.weights) == 1 for group in groups)


def test_every_group_has_words_and_the_camera_comes_last():
    for name in suite_names():
        assert all(group.prompt for group in find_suite(name).groups)
    prompts = {group.name: group.prompt for group in find_suite("starter").groups}
    assert prompts["camera-pan-right"] == "a landscape, camera panning right"


def test_a_table_of_prompts_that_lacks_a_group_is_refused(tmp_path: Path):
    table = tmp_path / "prompts.csv"
    table.write_text("group,prompt,camera\nwaterfall,water,\n")
    with pytest.raises(UsageProblem, match="has no prompt for `birds-flying`"):
        find_suite("paper-single", table)
    table.write_text("words\nwater\n")
    with pytest.raises(UsageProblem, match="has other columns, expected group, prompt, camera"):
        find_suite("paper-single", table)
    with pytest.raises(NotFound, match="no suite `paper`"):
        find_suite("paper")


def test_a_persons_folders_become_cases_and_numbers_that_differ_are_said(tmp_path: Path):
    for name in (
        "waterfall/b 1.png",
        "waterfall/a.jpg",
        "waterfall/a.mask.png",
        "waterfall/a.real.mp4",
        "raining/.x.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = {entry.group.name: entry for entry in find_pictures(find_suite("paper-single"), tmp_path, most=1)}
    assert [picture.photo.name for picture in found["waterfall"].pictures] == ["a.jpg"]
    assert found["waterfall"].note == "waterfall: the first 1 of 2 pictures, by name"
    assert found["fireworks"].note == "fireworks: no folder `fireworks`, hence not in this run"
    assert not found["raining"].pictures
    (case,) = lay_out_cases([found["waterfall"]], tmp_path / "run")
    assert (case.name, case.mask, case.reference) == (
        "waterfall-a",
        "photos/waterfall-a.mask.png",
        "photos/waterfall-a.real.mp4",
    )
    assert (tmp_path / "run" / case.photo).read_bytes() == b"waterfall/a.jpg"


def test_each_switch_changes_what_it_names_and_nothing_else():
    base = tiny_unet_base().spec
    usual = settle(RunChoices(start_noise=True, match_first_frame=True), base, [])
    names = {
        "no-start-noise": "start_noise",
        "start-noise": "start_noise",
        "no-shared-noise": "start_noise",
        "no-adain": "match_first_frame",
        "adain": "match_first_frame",
    }
    for name, ablation in ABLATIONS.items():
        changed = ablation.change(usual)
        differing = {field for field in RunSettings.model_fields if getattr(changed, field) != getattr(usual, field)}
        assert differing <= {names.get(name, "variant")}
        assert ablation.change(changed) == changed
    usual = usual.model_copy(update={"masks": MaskSettings(evaluations=1)})
    often = ABLATIONS["masks-every-step"].change(usual)
    assert often.masks == MaskSettings(evaluations=usual.steps)
    assert often.model_copy(update={"masks": usual.masks}) == usual
    shared = ABLATIONS["no-shared-noise"].change(usual).start_noise
    assert shared is not None
    assert usual.start_noise is not None
    assert shared == usual.start_noise.model_copy(update={"shared": 0.0})


def scores_of(method: str, values: list[float], *, metric: str = "vbench:flicker", flag: str = "") -> list[ClipScores]:
    flags = ((flag, "said so"),) if flag else ()
    return [ClipScores(f"w-{place}", method, {metric: value}, {}, flags, "") for place, value in enumerate(values)]


def run_of(methods: list[str], cases: int) -> BenchRun:
    return BenchRun(
        suite="test",
        base="tiny",
        width=64,
        height=48,
        frames=6,
        fps=8.0,
        cases=tuple(
            BenchCase(name=f"w-{place}", group="w", photo=f"photos/w-{place}.png", motions=("w",), weights=(1.0,))
            for place in range(cases)
        ),
        methods=tuple(BenchMethod(name=name, kind="folder", title=name) for name in methods),
    )


def test_the_better_method_wins_equal_ones_tie_and_a_still_has_no_rank_but_a_reason():
    rng = np.random.default_rng(0)
    good = list(0.9 + 0.01 * rng.normal(size=12))
    twin = [value + 0.004 * sign for value, sign in zip(good, [1, -1] * 6, strict=True)]
    bad = [value - 0.2 for value in good]
    scores = [
        *scores_of("good", good),
        *scores_of("twin", twin),
        *scores_of("bad", bad),
        *scores_of("still", [1.0] * 12, flag="copy"),
    ]
    summary = summarise(run_of(["good", "twin", "bad", "still"], 12), scores, [Flicker.facts, ProxyFlow.facts])
    cells = summary.rows[0].cells
    assert cells["still"].mean == 1.0
    assert not cells["still"].best
    assert {name for name in ("good", "twin") if cells[name].best or cells[name].tied} == {"good", "twin"}
    assert not cells["bad"].tied
    standing = summary.standings["reference"]
    assert [one.method for one in standing[:3]] == ["good", "twin", "bad"]
    assert standing[0].mean_rank == standing[1].mean_rank == 1.5
    assert standing[2].mean_rank == 3.0
    assert standing[3].method == "still"
    assert standing[3].mean_rank is None
    assert "12 of 12 clips are flagged copy" in standing[3].reason
    assert summary.flagged["still"] == {"copy": 12}


def test_a_metric_that_some_cases_lack_is_compared_where_it_is():
    one = scores_of("one", [1.0, 2.0, 3.0], metric="own:leakage")[:2]
    other = scores_of("other", [3.0, 4.0, 5.0], metric="own:leakage")[:2]
    rest = [ClipScores("w-2", name, {}, {}, (), "") for name in ("one", "other")]
    summary = summarise(run_of(["one", "other"], 3), [*one, *other, *rest], [Leakage.facts])
    assert summary.rows[0].cells["one"].best
    assert summary.rows[0].cells["one"].count == 2
    assert not summary.rows[0].cells["other"].tied


def test_an_interval_holds_the_mean_and_is_the_same_every_time():
    values = np.random.default_rng(1).normal(size=30)
    low, high = interval(values)
    assert low < values.mean() < high
    assert interval(values) == (low, high)
    assert interval(np.array([2.0])) == (2.0, 2.0)

"""The draft folder that a training leaves: all that `publish` needs, in files a person can read and edit.

| file | what |
|---|---|
| `adapter.safetensors` | the weights |
| `adapter.json` | an `AdapterSpec`: what the weights are |
| `recipe.toml` | every choice they were trained with |
| `training.json` | a `TrainingRecord`: how they came to be; published in the manifest |
| `training-report.json` | the same at length: loss, seconds, clips, looks, versions; stays at home |
| `report.html` | the same for people: curves, previews, why these weights; stays at home |
| `README.md` | a model card, to be edited; one that is there already stays |
| `release.toml` | name, version, title, summary, licence, authors: to be edited before publishing |
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from engine.adapters.weights import adapter_bytes
from engine.toml_text import toml_text
from engine.training.durable import sync
from engine.training.model_card import model_card
from engine.training.report import report_page
from registry_schema.digests import Digest
from registry_schema.manifest import TrainingRecord

if TYPE_CHECKING:
    from pathlib import Path

    from engine.training.clip_dataset import ClipDataset
    from engine.training.evaluation import Evaluation
    from engine.training.outcome import TrainOutcome
    from registry_schema.base_spec import BaseSpec
    from registry_schema.names import AdapterName

WEIGHTS_NAME = "adapter.safetensors"
SPEC_NAME = "adapter.json"
RECIPE_NAME = "recipe.toml"
TRAINING_NAME = "training.json"
REPORT_NAME = "training-report.json"
PAGE_NAME = "report.html"
CARD_NAME = "README.md"
RELEASE_NAME = "release.toml"

REPORT_SCHEMA = "miva.training-report/1"
NOT_STATED = "not stated"
PACKAGES = ("mivactl", "torch", "diffusers", "accelerate", "safetensors", "numpy", "av", "pillow")


def write_draft(
    folder: Path, outcome: TrainOutcome, base: BaseSpec, name: AdapterName, *, footage: str = NOT_STATED
) -> None:
    """Writes the draft; a `release.toml` that is there already is the person's own and stays.

    Args:
        folder: made if missing.
        outcome: of the training.
        base: it was trained on.
        name: to publish under.
        footage: in words, whose clips these are.

    Raises:
        IntegrityProblem: the trained weights are not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / WEIGHTS_NAME, adapter_bytes(outcome.adapter, {}))
    write_file(folder / SPEC_NAME, _json(outcome.adapter.spec.plain()))
    write_file(folder / RECIPE_NAME, outcome.recipe.to_toml().encode())
    write_file(folder / TRAINING_NAME, _json(training_record(outcome, footage=footage).plain()))
    facts = training_report(outcome)
    write_file(folder / REPORT_NAME, _json(facts))
    write_file(folder / PAGE_NAME, report_page(outcome, facts, name).encode())
    if not (folder / CARD_NAME).exists():
        write_file(folder / CARD_NAME, model_card(outcome, base, name, footage=footage).encode())
    if not (folder / RELEASE_NAME).exists():
        write_file(folder / RELEASE_NAME, toml_text(release_words(outcome, base, name)).encode())


def training_record(outcome: TrainOutcome, *, footage: str) -> TrainingRecord:
    """How the weights came to be, as the manifest says it."""
    return TrainingRecord(
        clips=len(outcome.dataset.clips),
        steps=outcome.steps,
        seed=outcome.recipe.run.seed,
        recipe=Digest(outcome.recipe.digest),
        footage=footage,
        tool=f"mivactl {_version('mivactl')}",
    )


def training_report(outcome: TrainOutcome) -> dict[str, Any]:
    """How the weights came to be, at length."""
    return {
        "schema": REPORT_SCHEMA,
        "steps": outcome.steps,
        "skipped_steps": outcome.skipped,
        "seconds": round(outcome.seconds, 1),
        "final_loss": outcome.final_loss,
        "weights": "average" if outcome.recipe.optimiser.ema_decay else "last",
        "precision": outcome.precision,
        "memory": outcome.memory,
        "dataset": outcome.dataset.digest,
        "clips": _clips(outcome.dataset),
        "held_out_clips": _clips(outcome.held_out),
        "looks": [look.record() | {"objections": list(look.objections)} for look in _looks(outcome)],
        "chosen_step": outcome.chosen_step,
        "choice": outcome.choice.reason if outcome.choice else None,
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def _clips(dataset: ClipDataset | None) -> list[dict[str, Any]]:
    clips = dataset.clips if dataset else ()
    return [{"file": clip.path.name, "digest": clip.facts.digest, "windows": len(clip.windows)} for clip in clips]


def _looks(outcome: TrainOutcome) -> tuple[Evaluation, ...]:
    return outcome.choice.looks if outcome.choice else ()


def release_words(outcome: TrainOutcome, base: BaseSpec, name: AdapterName) -> dict[str, Any]:
    """What a person is asked to check before publishing; the licence is the base's, as a start."""
    motion = outcome.adapter.spec.motion
    count = len(outcome.dataset.clips)
    return {
        "name": str(name),
        "version": "0.1.0",
        "title": name.name.replace("-", " ").capitalize(),
        "summary": f"{motion[:1].upper()}{motion[1:]}, trained on {count} {'clip' if count == 1 else 'clips'}",
        "licence": str(base.licence),
        "authors": [],
        "tags": [],
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a draft whole, or leave the one that is there."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    sync(draft)
    draft.replace(path)

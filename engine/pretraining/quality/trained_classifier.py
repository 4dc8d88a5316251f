"""The fitted classifier and how it did on clips that it was not fitted to; both are kept in the work folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.pretraining.quality.classifier import MotionClassifier
from engine.pretraining.quality.confusion import Confusion
from engine.pretraining.quality.fitting import FitPlan, fit
from engine.pretraining.quality.labelled_clips import DRAWN_BY, labelled_clips, source_digest
from engine.pretraining.quality.motions import CLASSES
from engine.pretraining.quality.real_clips import Stream

if TYPE_CHECKING:
    from pathlib import Path

    from engine.progress import Progress

TRAINING_PORTIONS: Final = 3
EXAMINATION_PORTIONS: Final = 1
MADE_BY: Final = (
    *DRAWN_BY,
    *(f"pretraining/quality/{name}.py" for name in ("classifier", "fitting", "trained_classifier")),
)


@dataclass(frozen=True)
class TrainedClassifier:
    """A classifier and what it named on held-out real clips of all `CLASSES`."""

    classifier: MotionClassifier
    examination: Confusion


def trained_classifier(work: Path, progress: Progress) -> TrainedClassifier:
    """The classifier in the work folder; drawn for, fitted and examined first where it is not there.

    Args:
        work: folder; what is complete in it is not made again.
        progress: told about clips and rounds.
    """
    path = work / f"classifier-{source_digest(MADE_BY)}.safetensors"
    if not path.exists():
        _save(_made(work, progress), path)
    return _loaded(path)


def _made(work: Path, progress: Progress) -> TrainedClassifier:
    examples = labelled_clips(Stream.TRAINING, TRAINING_PORTIONS, work, progress, worn=True)
    held_out = labelled_clips(Stream.EXAMINATION, EXAMINATION_PORTIONS, work, progress)
    classifier = fit(examples, FitPlan(), progress)
    named = classifier.classes_of(held_out.maps.float())
    pairs = zip(held_out.labels.tolist(), named.tolist(), strict=True)
    return TrainedClassifier(classifier, Confusion.of((CLASSES[true], CLASSES[said]) for true, said in pairs))


def _save(trained: TrainedClassifier, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    tensors = {name: tensor.contiguous() for name, tensor in trained.classifier.state_dict().items()}
    save_file(tensors, fresh, {"examination": json.dumps(trained.examination.pairs)})
    fresh.replace(path)


def _loaded(path: Path) -> TrainedClassifier:
    classifier = MotionClassifier()
    classifier.load_state_dict(load_file(path))
    with safe_open(path, "pt") as file:
        pairs = json.loads(file.metadata()["examination"])
    return TrainedClassifier(classifier.eval(), Confusion.of((true, named) for true, named in pairs))

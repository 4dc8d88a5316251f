"""What looks at a run leave on disk: previews for a person, and the weights that may be kept.

| file | what |
|---|---|
| `step-00000060.jpg` | contact sheet |
| `step-00000060.N.webp` | preview N |
| `step-00000060.safetensors` | the weights that were looked at; of the best look and the newest only |
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from safetensors.torch import load_file, save_file

from engine.training.contact_sheet import write_contact_sheet
from engine.training.durable import sync
from engine.training.evaluation import LOG_MARK, Evaluation
from engine.video.clip_writer import write_clip

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from jaxtyping import UInt8
    from torch import Tensor

FOLDER: Final = "looks"
_WEIGHTS: Final = ".safetensors"


class LookFolder:
    """The folder of a run's looks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write_previews(
        self, step: int, title: str, rows: Sequence[tuple[str, UInt8[np.ndarray, "f h w 3"]]], *, fps: float
    ) -> Path:
        """Every preview as a moving picture, and their contact sheet, whose place is the result.

        Raises:
            UsageProblem, ResourceProblem: they can not be written.
        """
        for place, (_, frames) in enumerate(rows):
            write_clip(frames, self._path(step, f".{place}.webp"), fps=fps)
        sheet = self._path(step, ".jpg")
        write_contact_sheet(sheet, title, rows)
        return sheet

    def previews(self, step: int) -> list[Path]:
        """The moving pictures of a look, in order; as many as there are."""
        found = self._folder.glob(f"{self._path(step, '').name}.*.webp")
        return sorted(found, key=lambda path: int(path.suffixes[-2][1:]))

    def write_weights(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Keep the weights of a look; raises `OSError` where they can not be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(step, _WEIGHTS)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, draft)
            sync(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def weights(self, step: int) -> dict[str, Tensor]:
        """The weights of a look."""
        return load_file(self._path(step, _WEIGHTS))

    def steps_with_weights(self) -> set[int]:
        """The looks whose weights are there."""
        return {int(path.stem.partition("-")[2]) for path in self._folder.glob(f"step-*{_WEIGHTS}")}

    def forget_weights(self, *, but: Collection[int]) -> None:
        """Remove the weights of all looks but these."""
        for step in self.steps_with_weights() - set(but):
            self._path(step, _WEIGHTS).unlink(missing_ok=True)

    def _path(self, step: int, suffix: str) -> Path:
        return self._folder / f"step-{step:08d}{suffix}"


def looks_in(log: Path) -> list[Evaluation]:
    """The looks that a run's log tells of, in order; none where there is no log."""
    if not log.exists():
        return []
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [
        Evaluation.of({key: value for key, value in one.items() if key != LOG_MARK})
        for one in records
        if LOG_MARK in one
    ]

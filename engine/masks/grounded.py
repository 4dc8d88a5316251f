"""Finds a subject by a phrase: GroundingDINO draws boxes around it, SAM 2 cuts it out of them; through transformers.

Pictures are prepared here: the image processors of transformers would bring torchvision along.
"""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from torch.nn import functional as F

from engine.mask_requests import GROUNDED_SOURCE
from engine.masks.found_mask import FoundMask
from engine.masks.hinted import SOURCE as HINTED
from engine.masks.hinted import check_hints
from engine.masks.published_models import CUTTER, DETECTOR, WEIGHTS
from registry_schema.errors import IntegrityProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.mask_requests import MaskHints, Subject

FETCH: Final = "`mivactl weights fetch segmenter` downloads it again"
SHORT_SIDE, LONGEST_SIDE = 800, 1333
"""What GroundingDINO was trained on, in pixels. Source: its `preprocessor_config.json`."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, which both models take their pictures by."""
KEPT_SCORE: Final = 0.35
"""Least score of a box. Source: GroundingDINO, `box_threshold` of its demo."""


@dataclass(frozen=True)
class Detection:
    """A box around something: left, top, right, bottom in pixels; and how well it fits the phrase, 0 to 1."""

    box: tuple[float, float, float, float]
    score: float


class Grounded:
    """Both models, loaded once for any number of pictures.

    Args:
        detector: a `GroundingDinoForObjectDetection`.
        tokenizer: of its phrases.
        cutter: a `Sam2Model`.
        short_side: pixels of the pictures that the detector sees.
    """

    def __init__(self, detector: Any, tokenizer: Any, cutter: Any, *, short_side: int = SHORT_SIDE) -> None:  # noqa: ANN401
        self._detector, self._tokenizer, self._cutter = detector, tokenizer, cutter
        self._device, self._short_side = next(detector.parameters()).device, short_side

    @classmethod
    def load(cls, folder: Path, device: torch.device, *, short_side: int = SHORT_SIDE) -> Grounded:
        """The models in `folder/detector` and `folder/cutter`, from safetensors alone; nothing is downloaded.

        Raises:
            NotFound: one of them is not there.
            IntegrityProblem: what is there is another model, or broken.
        """
        from transformers import AutoTokenizer, GroundingDinoForObjectDetection, Sam2Model

        detector = _load(GroundingDinoForObjectDetection, folder / DETECTOR)
        cutter = _load(Sam2Model, folder / CUTTER)
        with _loading(folder / DETECTOR):
            tokenizer = AutoTokenizer.from_pretrained(folder / DETECTOR, local_files_only=True)
        return cls(detector.to(device), tokenizer, cutter.to(device), short_side=short_side)

    @torch.no_grad()
    def detect(self, pixels: NDArray[np.uint8], phrases: tuple[str, ...]) -> tuple[Detection, ...]:
        """Boxes around what the phrases say, in a picture `h w 3`, the likeliest first."""
        height, width = pixels.shape[:2]
        scale = min(self._short_side / min(height, width), LONGEST_SIDE / max(height, width))
        shown = _prepared(pixels, (round(height * scale), round(width * scale))).to(self._device)
        text = " ".join(f"{phrase.strip().lower().rstrip('.')}." for phrase in phrases)
        words = self._tokenizer(text, return_tensors="pt").to(self._device)
        found = self._detector(pixel_values=shown, **words)
        scores = found.logits[0].sigmoid().amax(-1).cpu()
        middle, size = found.pred_boxes[0].float().cpu().split(2, -1)
        corners = torch.cat([middle - size / 2, middle + size / 2], -1).clamp(0, 1)
        corners = corners * torch.tensor([width, height, width, height])
        order = scores.argsort(descending=True)
        left, top, right, bottom = corners[order].T.tolist()
        return tuple(
            Detection(box, score)
            for box, score in zip(zip(left, top, right, bottom, strict=True), scores[order].tolist(), strict=True)
        )

    @torch.no_grad()
    def cut(
        self,
        pixels: NDArray[np.uint8],
        boxes: tuple[tuple[float, float, float, float], ...],
        points: tuple[tuple[float, float], ...] = (),
    ) -> tuple[Float[Tensor, "h w"], float]:
        """The mask of what lies in the boxes, or under points that are all on one thing, in a picture `h w 3`.

        Returns:
            the mask in 0..1, and the mean of what SAM 2 thinks its overlaps are with the truth.
        """
        height, width = pixels.shape[:2]
        side = int(self._cutter.config.prompt_encoder_config.image_size)
        shown = _prepared(pixels, (side, side)).to(self._device)
        stretch = torch.tensor([side / width, side / height])
        hints: dict[str, Tensor] = {}
        if boxes:
            hints["input_boxes"] = (torch.tensor(boxes) * stretch.repeat(2))[None].to(self._device)
        elif points:
            hints["input_points"] = (torch.tensor(points) * stretch)[None, None].to(self._device)
            hints["input_labels"] = torch.ones(1, 1, len(points), dtype=torch.int32, device=self._device)
        found = self._cutter(pixel_values=shown, multimask_output=False, **hints)
        logits = F.interpolate(found.pred_masks[0].float(), size=(height, width), mode="bilinear")
        mask = logits.sigmoid().amax((0, 1)).cpu()
        return mask, float(found.iou_scores.float().mean().clamp(0, 1))

    def cut_hinted(self, pixels: NDArray[np.uint8], hints: MaskHints) -> FoundMask:
        """The subject in boxes or under clicks; raises UsageProblem for some outside of the picture."""
        check_hints(hints, pixels)
        boxes = tuple((box.left, box.top, box.left + box.width, box.top + box.height) for box in hints.boxes)
        mask, quality = self.cut(pixels, boxes, tuple((point.x, point.y) for point in hints.points))
        return FoundMask(mask, quality, f"{HINTED}, SAM 2")


class GroundedSubject:
    """Finds one subject with both models.

    Args:
        models: loaded.
        subject: what is looked for; its motion's words serve where it has no phrases.
    """

    source = GROUNDED_SOURCE
    every = 4

    def __init__(self, models: Grounded, subject: Subject) -> None:
        self._models, self._phrases = models, subject.phrases or (subject.motion,)

    def find(self, pixels: NDArray[np.uint8]) -> FoundMask | None:
        """See `Segmenter`; the confidence is the mean of both models', as they see themselves."""
        kept = [found for found in self._models.detect(pixels, self._phrases) if found.score >= KEPT_SCORE]
        if not kept:
            return None
        mask, quality = self._models.cut(pixels, tuple(found.box for found in kept))
        return FoundMask(mask, math.sqrt(kept[0].score * quality), GROUNDED_SOURCE)


def _prepared(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Float[Tensor, "1 3 h w"]:
    photo = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
    resized = F.interpolate(photo, size=size, mode="bilinear", antialias=True, align_corners=False)
    return (resized - torch.tensor(MEAN)[:, None, None]) / torch.tensor(SPREAD)[:, None, None]


def _load(model: Any, folder: Path) -> Any:  # noqa: ANN401 - transformers has its own types
    if not (folder / WEIGHTS).is_file():
        raise NotFound(f"`{folder}` has no `{WEIGHTS}`", hint="`mivactl weights fetch segmenter` downloads it")
    with _loading(folder):
        loaded, told = model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    missing = sorted([*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])])
    if missing:
        msg = f"`{folder / WEIGHTS}` lacks {len(missing)} tensors of {model.__name__}, such as `{missing[0]}`"
        raise IntegrityProblem(msg, hint=FETCH)
    return loaded.requires_grad_(requires_grad=False).eval()


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Let transformers keep its remarks, and say in one line what it could not load."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
        first = str(error).strip().partition("\n")[0]
        raise IntegrityProblem(f"the model in `{folder}` can not be loaded: {first}", hint=FETCH) from error
    finally:
        logger.setLevel(level)

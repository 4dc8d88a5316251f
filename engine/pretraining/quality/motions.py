"""The motions of the starter adapters, and what can be measured of each."""

from __future__ import annotations

from typing import Final

from engine.pretraining import examples
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, KEPT, STILL
from engine.pretraining.starter_recipes import STARTERS

FEW_CLIPS: Final = ("pendulum-swinging", "wheel-spinning", "plant-growing")
"""Motions without a starter that the base never saw either: what a person may teach with a few clips of their own."""
CLASSES: Final = (*STARTERS, STILL, *FEW_CLIPS)
"""What the classifier tells apart; a clip in which nothing moves is no motion, so that none is named by default."""
ABSENT: Final = tuple(name for name in STARTERS if name not in examples.MOTIONS)
"""Motions that the base never saw in pretraining."""
JOINTED: Final = ("guitar-playing", "helicopter-hovering", "horse-running", "turning-to-smile")
"""Motions of parts of a figure against each other, which are the hardest."""
WITHOUT_FLOW: Final = ("fireworks", "raining")
"""Motions of many small lights or streaks that cross: no optical flow is true for them."""
EVERYWHERE: Final = tuple(name for name in STARTERS if name in CAMERAS or name == "raining")
"""Motions of the whole picture; any picture can have them."""
SUBJECTS: Final = tuple(
    name for name in STARTERS if name in {**ELEMENTS, **KEPT} and name not in {*EVERYWHERE, *WITHOUT_FLOW}
)
"""Motions of one thing, which has a place in the picture and may as well stand still."""
PAIRS: Final = (
    ("waterfall", "clouds"),
    ("birds-flying", "waterfall"),
    ("clouds", "horse-running"),
    ("guitar-playing", "clouds"),
    ("birds-flying", "clouds"),
)
"""Motions that are composed."""

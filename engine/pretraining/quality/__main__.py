"""How good the starter adapters are: `python -m engine.pretraining.quality` measures all that there are.

Needs some twenty minutes for all motions and twelve pictures each, and once before that a few minutes for the
classifier, which is kept in the work folder. Motions without a starter are told as such.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from engine.bases.base_folder import base_folder, read_base_spec
from engine.pretraining.quality.animator import Animator
from engine.pretraining.quality.report import report
from engine.pretraining.quality.sheets import write_sheets
from engine.pretraining.quality.starters import find_starters
from engine.pretraining.quality.stderr_progress import StderrProgress
from engine.pretraining.quality.suite import measure
from engine.pretraining.quality.trained_classifier import trained_classifier
from engine.pretraining.starter_recipes import STARTERS


def main() -> None:
    """Command line of the suite."""
    parser = _parser()
    options = parser.parse_args()
    unknown = sorted({*options.motions} - {*STARTERS})
    if unknown:
        parser.error(f"unknown motion: {', '.join(unknown)}; expected some of {', '.join(STARTERS)}")
    motions, progress = tuple(options.motions or STARTERS), StderrProgress()
    starters = find_starters(options.weights, STARTERS, read_base_spec(options.base).base_identity)
    trained = trained_classifier(options.work, progress)
    animator = Animator(options.base, starters)
    findings = measure(motions, animator, trained, pictures=options.pictures, progress=progress)
    text = report(findings, shlex.join(["python", "-m", "engine.pretraining.quality", *sys.argv[1:]]))
    print(text)  # noqa: T201
    if options.out:
        options.out.write_text(text)
    if options.sheets:
        write_sheets(findings, options.sheets)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.pretraining.quality", description=__doc__)
    parser.add_argument("motions", nargs="*", help=f"some of {', '.join(STARTERS)}; all of them if none is named")
    parser.add_argument("--pictures", type=int, default=12, help="test pictures for each motion")
    parser.add_argument("--base", type=Path, default=base_folder("nano"), help="folder of the base")
    parser.add_argument(
        "--weights",
        type=Path,
        default=Path("mivactl/starter"),
        help="a registry, or a folder that holds a draft folder named by each motion",
    )
    parser.add_argument("--out", type=Path, help="file for the tables, besides stdout")
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="draw contact sheets into this folder")
    parser.add_argument("--work", type=Path, default=Path(".pretraining/quality"), help="folder of the classifier")
    return parser


if __name__ == "__main__":
    main()

"""How `nano`'s pretraining went, drawn: `python -m docs.pretraining_curves`.

Loss over time is in the logs that the pretraining leaves; quality over time is measured on states that were kept on the
way, exported as bases into folders named by their minutes:

    python -m docs.pretraining_curves --snapshots FOLDER --logs .pretraining

Both are kept in `docs/pretraining/`, from which the picture can be drawn again without either.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from engine.pretraining.explained import explained

HERE: Final = Path(__file__).parent
RECORDS: Final = HERE / "pretraining"
SHOWN: Final = ("waterfall", "clouds", "turning-to-smile", "guitar-playing", "horse-running", "birds-flying")
CLIPS: Final = 8


def keep_logs(work: Path) -> None:
    """Copy the logs of both pretrainings out of the folder that holds theirs."""
    RECORDS.mkdir(exist_ok=True)
    for part in ("image_encoder", "nano"):
        lines = (work / part / "log.jsonl").read_text().splitlines()
        (RECORDS / f"{part}.jsonl").write_text("\n".join(lines) + "\n")


def measure(snapshots: Path) -> None:
    """What each kept state finds in photos alone, by `engine.pretraining.explained`."""
    lines = []
    for folder in sorted(snapshots.iterdir(), key=lambda path: float(path.name)):
        shares = {motion: round(explained(folder, motion, clips=CLIPS) or 0.0, 3) for motion in SHOWN}
        lines.append(json.dumps({"minutes": float(folder.name), **shares}))
        print(lines[-1], flush=True)  # noqa: T201
    (RECORDS / "explained.jsonl").write_text("\n".join(lines) + "\n")


def draw(picture: Path) -> None:
    """Losses of the image encoder and of the denoiser, and what is explained, over minutes."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (seeing, moving, quality) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    encoder, denoiser, explains = (_records(name) for name in ("image_encoder", "nano", "explained"))
    for kind in ("labels", "motions"):
        seeing.plot([line["minutes"] for line in encoder], [line[kind] for line in encoder], label=kind, linewidth=1)
    seeing.set(title="image encoder", xlabel="minutes", ylabel="loss", yscale="log")
    for frames, label in ((2, "pairs of frames"), (16, "whole clips")):
        lines = [line for line in denoiser if line["frames"] == frames]
        moving.plot([line["minutes"] for line in lines], [line["loss"] for line in lines], label=label, linewidth=1)
    moving.set(title="denoiser", xlabel="minutes", ylabel="loss")
    for motion in SHOWN:
        quality.plot([line["minutes"] for line in explains], [line[motion] for line in explains], "o-", label=motion)
    quality.set(title="motion found in a photo alone", xlabel="minutes of the denoiser", ylabel="share explained")
    for axes in (seeing, moving, quality):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110)


def _records(name: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (RECORDS / f"{name}.jsonl").read_text().splitlines()]


def main() -> None:
    """Command line of the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshots", type=Path, help="folder of exported states, each named by its minutes")
    parser.add_argument("--logs", type=Path, help="folder that holds the work folders of both pretrainings")
    options = parser.parse_args()
    if options.logs:
        keep_logs(options.logs)
    if options.snapshots:
        measure(options.snapshots)
    draw(HERE / "nano-pretraining.png")


if __name__ == "__main__":
    main()

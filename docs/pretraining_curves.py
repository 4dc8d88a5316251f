"""How `nano`'s pretraining went, drawn: `python -m docs.pretraining_curves`.

Loss over time is in the logs that the pretraining leaves; quality over time is measured on states that were kept on the
way, exported as bases into folders named by their minutes:

    python -m docs.pretraining_curves --snapshots FOLDER --encoder FOLDER --runs FOLDER [FOLDER ...]

The runs are those of the denoiser, each started from the one before; their minutes are added up. The log of the run on
a GPU that followed is `on_gpu.jsonl`. All of it is kept in `docs/pretraining/`, from which the picture can be drawn
again.
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


def log_lines(log: Path, *, minutes_before: float = 0.0) -> list[dict[str, float]]:
    """Lines of a log by step, the last of each: a run that was interrupted writes some again."""
    lines = (json.loads(line) for line in log.read_text().splitlines())
    by_step = {line["step"]: {**line, "minutes": round(minutes_before + line["minutes"], 2)} for line in lines}
    return [by_step[step] for step in sorted(by_step)]


def keep_logs(encoder: Path, runs: list[Path]) -> None:
    """Copy the logs out of the work folders of the image encoder and of the denoiser's runs."""
    _keep("image_encoder", log_lines(encoder / "log.jsonl"))
    lines: list[dict[str, float]] = []
    for run in runs:
        lines += log_lines(run / "log.jsonl", minutes_before=lines[-1]["minutes"] if lines else 0.0)
    _keep("nano", lines)


def measure(snapshots: Path) -> None:
    """What each kept state finds in photos alone, by `engine.pretraining.explained`."""
    lines = []
    for folder in sorted(snapshots.iterdir(), key=lambda path: float(path.name)):
        shares = {motion: round(explained(folder, motion, clips=CLIPS) or 0.0, 3) for motion in SHOWN}
        lines.append({"minutes": float(folder.name), **shares})
        print(lines[-1], flush=True)  # noqa: T201
    _keep("explained", lines)


def draw(picture: Path) -> None:
    """Losses of the image encoder and of the denoiser, and what is explained, over minutes."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (seeing, moving, on_gpu, quality) = plt.subplots(1, 4, figsize=(17, 3.6), layout="constrained")
    records = ("image_encoder", "nano", "on_gpu", "explained")
    encoder, denoiser, together, explains = (_records(name) for name in records)
    for kind in ("labels", "motions"):
        seeing.plot([line["minutes"] for line in encoder], [line[kind] for line in encoder], label=kind, linewidth=1)
    seeing.set(title="image encoder", xlabel="minutes", ylabel="loss", yscale="log")
    for frames, label in ((2, "pairs of frames"), (16, "whole clips")):
        points = [(line["minutes"], line["loss"]) for line in denoiser if line["frames"] == frames]
        moving.plot(*zip(*points, strict=True), ".", label=label, markersize=3)
    moving.set(title="denoiser, two cores", xlabel="minutes", ylabel="loss")
    on_gpu.plot([line["seconds"] / 60 for line in together], [line["loss"] for line in together], label="whole clips")
    on_gpu.set(title="denoiser, one GPU", xlabel="minutes", ylabel="loss")
    for motion in SHOWN:
        quality.plot([line["minutes"] for line in explains], [line[motion] for line in explains], "o-", label=motion)
    quality.axvline(denoiser[-1]["minutes"], color="grey", linestyle=":", label="from here on a GPU")
    quality.set(title="motion found in a photo alone", xlabel="minutes of the denoiser", ylabel="share explained")
    for axes in (seeing, moving, on_gpu, quality):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110)


def _keep(name: str, lines: list[dict[str, float]]) -> None:
    RECORDS.mkdir(exist_ok=True)
    (RECORDS / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _records(name: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (RECORDS / f"{name}.jsonl").read_text().splitlines()]


def main() -> None:
    """Command line of the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshots", type=Path, help="folder of exported states, each named by its minutes")
    parser.add_argument("--encoder", type=Path, help="work folder of the image encoder's pretraining; with --runs")
    parser.add_argument("--runs", type=Path, nargs="+", default=[], help="work folders of the denoiser's, in order")
    options = parser.parse_args()
    if options.encoder:
        keep_logs(options.encoder, options.runs)
    if options.snapshots:
        measure(options.snapshots)
    draw(HERE / "nano-pretraining.png")


if __name__ == "__main__":
    main()

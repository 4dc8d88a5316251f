"""What `mivactl bench --counted` prints."""

from typing import TYPE_CHECKING

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.engine_bridge import CountResult, MaskedCount, MaskedRun, TrainingBytes

_PARAMETERS = (Column("parameters"), Column("numbers", number=True), Column("of the base", number=True))
_PARTS = {
    "cross_frame_attention": "cross-frame attention",
    "implicit_prompt": "implicit prompt",
    "temporal_lora": "temporal LoRA",
}
_STEPS = (
    Column("one step"),
    Column("operations", number=True),
    Column("ratio", number=True),
    Column("at most", number=True),
    Column("first frame skipped", number=True),
    Column("at most", number=True),
)
_RUNS = (
    Column("one masked adapter, a run"),
    Column("ratio", number=True),
    Column("at most", number=True),
    Column("all steps", number=True),
    Column("at most", number=True),
)
_FORMS = {
    "hard": "labels everywhere",
    "usual": "soft; the base's own attention by labels",
    "soft": "soft everywhere",
}
_DECODERS = (Column("reading masks once"), Column("operations", number=True), Column("steps of the base", number=True))
_DECODER_WORDS = {"probe": "linear probe", "tiny": "tiny decoder", "vae": "the base's decoder"}
_MASK_PARTS = {"mask_stream": "mask stream", "background_prompt": "background prompt"}
_TRAINING = (Column("training, one clip"), Column("memory", number=True), Column("at most", number=True))


def counted(run: Run, *, base: str | None, adapters: int, masked: bool) -> None:
    """Count, and print what adapters cost."""
    from mivactl.operations.benching.counted import bench_counted

    _show(run, bench_counted(run.session, base=base, adapters=adapters, masked=masked, progress=run.progress))


def _show(run: Run, result: "CountResult") -> None:
    """Tables for a person, an envelope for a program, and a warning for every budget that does not hold."""

    def show() -> None:
        clip = result.clip
        run.console.line(
            f"{result.base}: {clip.frames} frames of {clip.width}x{clip.height} in {result.dtype}, counted from shapes"
        )
        tables: list[tuple[tuple[Column, ...], list[tuple[str, ...]]]] = [
            (_PARAMETERS, _parameter_rows(result)),
            (_STEPS, _step_rows(result)),
            (_TRAINING, _training_rows(result.training, result.saved_at_most, result.peak_at_most)),
        ]
        if result.masked is not None:
            tables += _mask_tables(result.masked)
        for columns, rows in tables:
            run.console.line()
            run.console.table(columns, rows)

    run.answer({"counted": _data(result)}, show)
    for problem in _over_budget(result):
        run.console.warn(problem)


def _parameter_rows(result: "CountResult") -> list[tuple[str, ...]]:
    adapter = sum(result.parts.values())
    numbers = [("base", result.parameters), ("one adapter", adapter)]
    numbers += [(f"- {_PARTS[part]}", count) for part, count in result.parts.items()]
    if result.masked is not None:
        numbers.append(("a mask adds", sum(result.masked.parts.values())))
        numbers += [(f"- {_MASK_PARTS[part]}", count) for part, count in result.masked.parts.items()]
    return [(name, f"{count:,}", f"{100 * count / result.parameters:.2f} %") for name, count in numbers]


def _step_rows(result: "CountResult") -> list[tuple[str, ...]]:
    skipping = {step.adapters: step for step in result.steps if step.skip_first}
    rows: list[tuple[str, ...]] = []
    for step in result.steps:
        if not step.skip_first:
            other = skipping.get(step.adapters)
            rows.append(
                (
                    _on_the_base(step.adapters),
                    _operations(step.operations),
                    f"{step.ratio:.3f}",
                    _limit(step.at_most),
                    f"{other.ratio:.3f}" if other else "-",
                    _limit(other.at_most if other else None),
                )
            )
    return rows


def _mask_tables(masked: "MaskedCount") -> "list[tuple[tuple[Column, ...], list[tuple[str, ...]]]]":
    by_form: dict[str, list[MaskedRun]] = {}
    for run in masked.runs:
        by_form.setdefault(run.form, []).append(run)
    runs = [
        (
            f"{one[0].evaluations} of {one[0].steps} steps predict masks: {_FORMS[form]}",
            *(text for run in one for text in (f"{run.ratio:.3f}", _limit(run.at_most))),
        )
        for form, one in by_form.items()
    ]
    decoders: list[tuple[str, ...]] = [
        (_DECODER_WORDS[name], _operations(count), f"{count / masked.step_operations:.3f}")
        for name, count in masked.decoders.items()
    ]
    training = _training_rows(masked.training, None, masked.peak_at_most)
    training.append(("predicting masks, activations", words.size(masked.forward), "-"))
    columns = (Column("training with masks, one clip"), *_TRAINING[1:])
    return [(_RUNS, runs), (_DECODERS, decoders), (columns, training)]


def _training_rows(training: "TrainingBytes", saved: int | None, peak: int | None) -> list[tuple[str, ...]]:
    return [
        ("frozen weights", words.size(training.weights), "-"),
        ("adapter, gradients, optimiser, average", words.size(training.adapter), "-"),
        ("saved activations", words.size(training.saved), words.size(saved) if saved else "-"),
        ("largest block computed again", words.size(training.transient), "-"),
        ("peak", words.size(training.peak), words.size(peak) if peak else "-"),
    ]


def _over_budget(result: "CountResult") -> list[str]:
    problems = [
        f"{_on_the_base(step.adapters)} costs {step.ratio:.3f} times the base, at most {step.at_most:.3f} was promised"
        for step in result.steps
        if step.at_most is not None and step.ratio > step.at_most
    ]
    saved, peak = result.saved_at_most, result.peak_at_most
    if saved and result.training.saved > saved:
        problems.append(
            f"saved activations take {words.size(result.training.saved)}, at most {words.size(saved)} was promised"
        )
    problems += _masks_over_budget(result.masked) if result.masked is not None else []
    if peak and result.training.peak > peak:
        problems.append(f"training takes {words.size(result.training.peak)}, at most {words.size(peak)} was promised")
    return problems


def _masks_over_budget(masked: "MaskedCount") -> list[str]:
    problems = [
        f"masks in {run.evaluations} of {run.steps} steps cost {run.ratio:.3f} times the base, "
        f"at most {run.at_most:.3f} was promised"
        for run in masked.runs
        if run.at_most is not None and run.ratio > run.at_most
    ]
    if masked.peak_at_most and masked.training.peak > masked.peak_at_most:
        told = (words.size(masked.training.peak), words.size(masked.peak_at_most))
        problems.append(f"training with masks takes {told[0]}, at most {told[1]} was promised")
    return problems


def _on_the_base(adapters: int) -> str:
    return "base" if adapters == 0 else f"base + {adapters} adapter{'s' if adapters > 1 else ''}"


def _operations(count: int) -> str:
    return f"{count / 1e12:.3f} T" if count >= 10**12 else f"{count / 1e9:.2f} G"


def _limit(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3f}"


def _data(result: "CountResult") -> dict[str, object]:
    return {
        "base": result.base,
        "clip": result.clip,
        "dtype": result.dtype,
        "parameters": {"base": result.parameters, "adapter": sum(result.parts.values()), "parts": result.parts},
        "steps": result.steps,
        "training": {
            "weights_bytes": result.training.weights,
            "adapter_bytes": result.training.adapter,
            "saved_bytes": result.training.saved,
            "saved_bytes_at_most": result.saved_at_most,
            "transient_bytes": result.training.transient,
            "peak_bytes": result.training.peak,
            "peak_bytes_at_most": result.peak_at_most,
        },
        **({} if result.masked is None else {"masked": _mask_data(result.masked)}),
    }


def _mask_data(masked: "MaskedCount") -> dict[str, object]:
    return {
        "parts": masked.parts,
        "runs": masked.runs,
        "decoders": masked.decoders,
        "evaluation_bytes": masked.forward,
        "training_peak_bytes": masked.training.peak,
        "training_peak_bytes_at_most": masked.peak_at_most,
    }

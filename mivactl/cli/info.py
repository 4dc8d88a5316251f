"""`mivactl info`."""

from typing import TYPE_CHECKING

from mivactl.cli import words
from mivactl.cli.options import BaseOption, ReferenceArgument
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.info import BuildInfo
    from registry_schema.manifest import Manifest


def info(run: Run, reference: ReferenceArgument, *, base: BaseOption = None) -> None:
    """Show everything about an adapter, without copying its weights.

    Example: mivactl info waterfall
    """
    from mivactl.operations.info import info as adapter_info
    from registry_schema.ref import AdapterRef

    adapter = adapter_info(AdapterRef.parse(reference), run.session, base=base)

    def show() -> None:
        for number, build in enumerate(adapter.builds):
            if number:
                run.console.line()
            run.console.facts(_facts(build))
        if adapter.other_versions:
            run.console.note(f"other versions: {', '.join(adapter.other_versions)}")

    run.answer({"adapter": adapter}, show)


def _facts(build: "BuildInfo") -> list[tuple[str, str]]:
    manifest = build.manifest
    status = build.status if build.status == "active" else f"{build.status}: {build.note or 'no reason given'}"
    return [
        ("name", str(manifest.name)),
        ("version", str(manifest.version)),
        ("title", manifest.title),
        ("summary", manifest.summary),
        ("status", "" if status == "active" else status),
        *_adapter_facts(manifest),
        ("licence", str(manifest.licence)),
        ("authors", ", ".join(manifest.authors)),
        ("tags", ", ".join(manifest.tags)),
        ("registry", build.registry),
        ("installed", "yes" if build.installed else "no"),
        ("weights", f"{words.size(manifest.weights.size)}, {manifest.tensors.count} tensors"),
        ("digest", str(manifest.weights.digest)),
        ("manifest", build.digest),
        ("evidence", _evidence(manifest)),
        (
            "attached",
            "; ".join(f"{one.file.path} ({one.file.kind}, {one.published[:10]})" for one in build.attachments),
        ),
    ]


def _adapter_facts(manifest: "Manifest") -> list[tuple[str, str]]:
    adapter = manifest.adapter
    clip = adapter.clip
    ranks = ", ".join(f"{part} {rank}" for part, rank in adapter.ranks.plain().items())
    prompt = adapter.implicit_prompt.words if adapter.implicit_prompt else ""
    return [
        ("motion", adapter.motion),
        ("subjects", ", ".join(adapter.subjects)),
        ("region", adapter.region),
        ("base", str(adapter.base.name)),
        ("masked", "yes" if adapter.masked else "no"),
        ("ranks", ranks),
        ("implicit_prompt", prompt),
        ("clip", f"{clip.frames} frames, {clip.width}x{clip.height}, {clip.fps} per second"),
    ]


def _evidence(manifest: "Manifest") -> str:
    training = manifest.training
    facts = [f"trained on {training.clips} clips, {training.steps} steps: {training.footage}"] if training else []
    receipts = {str(entry.path) for entry in manifest.files if entry.kind == "receipt"}
    for entry in manifest.files:
        if entry.kind in {"preview", "report", "recipe"}:
            facts.append(f"{entry.path} with its receipt" if f"{entry.path}.json" in receipts else str(entry.path))
    return "; ".join(facts)

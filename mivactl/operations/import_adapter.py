"""Bring over an adapter from elsewhere: the authors' checkpoint or a motion LoRA becomes a draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mivactl.bases import require_weights
from mivactl.disk import disk_errors
from mivactl.engine_bridge import ImportChoices, ImportRequest, import_adapter
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.names import AdapterName

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import ImportResult
    from mivactl.session import Session

Combine = Literal["separate", "joint"]


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What is imported, and what its file does not say.

    Attributes:
        file: the authors' checkpoint, or a motion LoRA.
        name: to publish under, `my/motion`.
        output: the folder for the draft.
        base: a base's name or folder; None takes the settings' one.
        motion: the motion in words; the name's last part if left out.
        temperature: of the reference weights.
        combine: how the two references are combined.
        lora_alpha: low-rank updates act at alpha / rank.
        motion_lora: whether the file is a motion LoRA.
    """

    file: Path
    name: str
    output: Path
    base: str | None = None
    motion: str | None = None
    temperature: float = 0.2
    combine: Combine = "joint"
    lora_alpha: float | None = None
    motion_lora: bool = False


def import_file(options: ImportOptions, session: Session) -> ImportResult:
    """The adapter as a draft in `options.output`, with a report of what was seen and assumed.

    Raises:
        NotFound, UsageProblem: no such file or base, or an option that will not do.
        IntegrityProblem, ResourceProblem: the file can not be read, or wants to do more than hold numbers.
        Incompatible: it does not hold a whole adapter for the base.
        Busy: the folder holds an adapter already.
    """
    if not options.file.exists():
        raise NotFound(f"no file `{options.file}`", hint="give the checkpoint that the training script wrote")
    if not 0 < options.temperature <= 100:
        raise UsageProblem(f"`--temperature` is `{options.temperature:g}`, expected more than 0 and at most 100")
    if options.lora_alpha is not None and not 0 < options.lora_alpha <= 1024:
        raise UsageProblem(f"`--lora-alpha` is `{options.lora_alpha:g}`, expected more than 0 and at most 1024")
    name = AdapterName(options.name)
    base = session.base(options.base or session.settings.base)
    require_weights(base)
    choices = ImportChoices(
        motion=options.motion or name.name.replace("-", " "),
        temperature=options.temperature,
        combine=options.combine,
        lora_alpha=options.lora_alpha,
    )
    request = ImportRequest(
        file=options.file,
        base=base.folder,
        name=name,
        output=options.output,
        choices=choices,
        motion_lora=options.motion_lora,
    )
    with disk_errors(options.output):
        return import_adapter(request)

"""Give the temporal part of an adapter to other software, as a motion LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.bases import require_weights
from mivactl.disk import disk_errors
from mivactl.engine_bridge import ExportRequest, SilentProgress, export_motion_lora
from mivactl.operations.composition import Wanted, compose_wanted, install_composed
from mivactl.operations.draft import WEIGHTS, read_draft
from registry_schema.errors import Busy
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from mivactl.engine_bridge import ExportResult, Progress
    from mivactl.session import Session


def export_as_motion_lora(
    adapter: str,
    output: Path,
    session: Session,
    *,
    base: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> ExportResult:
    """A file that `load_lora_weights` of diffusers takes.

    Args:
        adapter: a reference, or the folder of a draft.
        output: the file, `.safetensors`.
        base: which build of the adapter.
        force: replace a file that is there.

    Raises:
        NotFound, Incompatible: no such adapter or build, or one without a temporal part.
        Busy: the file is there.
    """
    if output.exists() and not force:
        raise Busy(f"`{output}` is there already", hint="pass `--force` to replace it")
    request = _of_draft(Path(adapter), output, session) if Path(adapter).is_dir() else None
    if request is None:
        wanted = Wanted(refs=(AdapterRef.parse(adapter),), base=base)
        composed = compose_wanted(wanted, session)
        (use,) = install_composed(composed, session, yes=False, progress=progress or SilentProgress())
        request = ExportRequest(weights=use.weights, spec=use.spec, base=composed.chosen.base.folder, output=output)
    with disk_errors(output):
        return export_motion_lora(request)


def _of_draft(folder: Path, output: Path, session: Session) -> ExportRequest:
    draft = read_draft(folder)
    base = session.base(str(draft.spec.base.name))
    require_weights(base)
    return ExportRequest(weights=folder / WEIGHTS, spec=draft.spec, base=base.folder, output=output)

"""The preview of a draft that was just trained: a picture, what the adapter makes of it, and the receipt of that."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from mivactl import version
from mivactl.engine_bridge import AdapterUse, AnimateRequest, RunChoices, StudioRequest, animate, load_studio, settle
from mivactl.operations.draft import WEIGHTS, read_draft
from mivactl.operations.outgoing import outgoing
from mivactl.operations.publish import describe
from registry_schema.receipt import AdapterRecord

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.bases import KnownBase
    from mivactl.engine_bridge import Progress
    from mivactl.session import Session

PICTURE: Final = "preview.png"
CLIP: Final = "preview.webp"


def preview_draft(folder: Path, picture: Path, base: KnownBase, session: Session, *, progress: Progress) -> None:
    """Writes `preview.png`, `preview.webp` and `preview.webp.json` into the draft.

    Args:
        folder: of the draft; an earlier preview is replaced, since it shows other weights.
        picture: a PNG.
        base: the adapter was trained on.
        session: has the folder that remembers which weights are finite.
        progress: told about the rendering.

    Raises:
        MivaError: as `animate` does.
    """
    for old in folder.glob("preview.*"):
        old.unlink()
    draft = read_draft(folder)
    with outgoing(draft) as files:
        manifest = describe(draft, files)
    record = AdapterRecord(
        name=manifest.name,
        version=manifest.version,
        manifest=manifest.identity(),
        weights=manifest.weights.digest,
        weight=base.spec.sampling.lone_weight or 1.0,
    )
    use = AdapterUse(record, draft.spec, folder / WEIGHTS)
    request = StudioRequest(base=base.folder, adapters=(use,), verdicts=session.store.layout.verdicts)
    photo = folder / PICTURE
    shutil.copyfile(picture, photo)
    animate(
        load_studio(request, progress),
        AnimateRequest(
            photo=photo,
            settings=settle(RunChoices(), base.spec, [draft.spec]),
            outputs=(folder / CLIP,),
            tools={"mivactl": version()},
        ),
        progress,
    )

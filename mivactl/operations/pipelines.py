"""Put an adapter on a diffusers pipeline a person already has: a draft by its folder, any other by its reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mivactl.engine_bridge import SilentProgress, load_into_pipeline, pipeline_architecture
from mivactl.operations.composition import Wanted, compose_wanted, install_composed
from mivactl.operations.draft import WEIGHTS, read_draft
from mivactl.operations.sealed_base import publications
from registry_schema.errors import Incompatible
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from mivactl.session import Session


def load_adapter_into(
    pipeline: Any,  # noqa: ANN401 - a pipeline of diffusers, which has no types
    adapter: str | Path,
    session: Session,
    *,
    weight: float | None,
    yes: bool,
) -> str:
    """Load one more adapter; the name that weights are set by.

    Args:
        pipeline: an `AnimateDiffPipeline` or a `WanPipeline`.
        adapter: the folder of a draft, or a reference, with or without a weight.
        weight: over the reference's own; without any, it shares what the other adapters leave of 1.
        yes: whether it may be installed from another registry than the starter.

    Raises:
        NotFound, Incompatible: no such adapter, or none for this pipeline's model, or its base is not on this machine.
        Refused: it would have to be installed from another registry.
    """
    if Path(adapter).is_dir():
        draft = read_draft(Path(adapter))
        name = draft.release.name.removeprefix("miva/")
        load_into_pipeline(pipeline, Path(adapter) / WEIGHTS, draft.spec, name=name, weight=weight)
        return name
    ref = AdapterRef.parse(str(adapter))
    base = _base_of(pipeline, session)
    composed = compose_wanted(Wanted(refs=(ref,), base=base), session)
    (use,) = install_composed(composed, session, yes=yes, progress=SilentProgress())
    own = ref.weight if weight is None else weight
    load_into_pipeline(pipeline, use.weights, use.spec, name=use.label, weight=own)
    return use.label


def _base_of(pipeline: Any, session: Session) -> str:  # noqa: ANN401
    """A base of the pipeline's architecture, that adapters are looked up for: one on this machine, or one to fetch."""
    architecture = pipeline_architecture(pipeline)
    here = [base.spec for base in session.bases]
    to_fetch = [publication.base.facts for publication in publications(session)]
    found = next((facts for facts in (*here, *to_fetch) if facts.architecture == architecture), None)
    if found is None:
        seen = ", ".join(f"`{name}`" for name in dict.fromkeys(facts.name for facts in (*here, *to_fetch)))
        msg = f"the pipeline's model is none of the bases this machine knows: {seen}"
        raise Incompatible(msg, hint="`mivactl base list` shows them; the folder of a draft needs no base")
    return str(found.name)

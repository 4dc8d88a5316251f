"""Whether a pipeline's scheduler is the one an adapter was trained with: equal shapes, other meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.bases.diffusers_types import DiffusersModel
    from registry_schema.noise_schedule import NoiseSchedule

# fields of a diffusion schedule and what diffusers calls them
_DIFFUSION = {
    "train_steps": "num_train_timesteps",
    "betas": "beta_schedule",
    "beta_start": "beta_start",
    "beta_end": "beta_end",
    "prediction": "prediction_type",
    "zero_terminal_snr": "rescale_betas_zero_snr",
}


def require_schedule(pipeline: DiffusersModel, schedule: NoiseSchedule) -> None:
    """Make sure that the pipeline adds and removes noise as the adapter was trained for.

    Raises:
        Incompatible: names the first value that differs, with the line that sets it.
    """
    config: Mapping[str, Any] = pipeline.scheduler.config
    flows = config.get("prediction_type") == "flow_prediction" or "FlowMatch" in type(pipeline.scheduler).__name__
    if flows != (schedule.kind == "flow"):
        seen = "a flow" if flows else "a diffusion"
        msg = f"the pipeline's `{type(pipeline.scheduler).__name__}` follows {seen}, the adapter a {schedule.kind}"
        raise Incompatible(msg, hint="give the pipeline the scheduler its model was trained with")
    if schedule.kind == "flow":
        return
    trained = schedule.model_dump()
    for field, name in _DIFFUSION.items():
        seen = config.get(name, False)
        if seen != trained[field]:
            scheduler = type(pipeline.scheduler).__name__
            msg = f"the pipeline's scheduler has {name} `{seen}`, the adapter was trained with `{trained[field]}`"
            hint = f"pipe.scheduler = {scheduler}.from_config(pipe.scheduler.config, {name}={trained[field]!r})"
            raise Incompatible(msg, hint=hint)

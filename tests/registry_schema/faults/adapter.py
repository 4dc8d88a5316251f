"""Faults of the field `adapter` of `miva.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.registry_schema.faults.fault import ABSENT, Fault, put

if TYPE_CHECKING:
    from collections.abc import Callable


def adapter(*place: str | int, value: Any) -> Callable[[bytes], bytes]:
    return put("adapter", *place, value=value)


ADAPTER = (
    Fault("adapter-list.json", put("adapter", value=[]), "adapter is not an object with named fields"),
    Fault(
        "base-name.json",
        adapter("base", "name", value="Nano"),
        "adapter.base.name `Nano` is not a base name, expected lower-case words joined by `.` or `-`",
    ),
    Fault("base-weights-absent.json", adapter("base", "weights", value=ABSENT), "adapter.base.weights is missing"),
    Fault(
        "masked-alone.json",
        adapter("masked", value=True),
        "adapter.masked `true` disagrees with mask_stream, which is absent",
    ),
    Fault("masked-word.json", adapter("masked", value="no"), "adapter.masked `no` is not `true` or `false`"),
    Fault(
        "region-unknown.json",
        adapter("region", value="all"),
        "adapter.region `all` is not known here, expected `subject` or `whole`",
    ),
    Fault(
        "rank-huge.json",
        adapter("ranks", "implicit_prompt", value=10**9),
        "adapter.ranks.implicit_prompt `1000000000` is too large, expected at most 512",
    ),
    Fault(
        "rank-word.json",
        adapter("ranks", "cross_frame_attention", value="whole"),
        "adapter.ranks.cross_frame_attention `whole` is not a rank, expected a whole number from 1 to 512 or `full`",
    ),
    Fault(
        "rank-half.json",
        adapter("ranks", "temporal_lora", value=8.5),
        "adapter.ranks.temporal_lora `8.5` is not a whole number",
    ),
    Fault(
        "rank-absent.json",
        adapter("ranks", "temporal_lora", value=ABSENT),
        "adapter.ranks.temporal_lora is missing, expected a rank because temporal_lora is there",
    ),
    Fault(
        "rank-without-part.json",
        adapter("ranks", "mask_stream", value=8),
        "adapter.ranks.mask_stream `8` has no part, expected mask_stream beside it or no rank",
    ),
    Fault(
        "combine-unknown.json",
        adapter("cross_frame_attention", "combine", value="both"),
        "adapter.cross_frame_attention.combine `both` is not known here, expected `separate` or `joint`",
    ),
    Fault(
        "weighting-kind.json",
        adapter("cross_frame_attention", "weighting", "kind", value="linear"),
        "adapter.cross_frame_attention.weighting has the unknown kind `linear`, expected `learned` or `fixed`",
    ),
    Fault(
        "weighting-no-kind.json",
        adapter("cross_frame_attention", "weighting", "kind", value=ABSENT),
        "adapter.cross_frame_attention.weighting has no `kind`",
    ),
    Fault(
        "temperature-zero.json",
        adapter("cross_frame_attention", "weighting", "temperature", value=0),
        "adapter.cross_frame_attention.weighting.temperature `0` is too small, expected more than 0",
    ),
    Fault(
        "alpha-text.json",
        adapter("temporal_lora", "alpha", value="1"),
        "adapter.temporal_lora.alpha `1` is not a number",
    ),
    Fault(
        "words-long.json",
        adapter("implicit_prompt", "words", value=201 * "w"),
        f"adapter.implicit_prompt.words `{57 * 'w'}...` has 201 characters, expected at most 200",
    ),
    Fault(
        "frames-none.json",
        adapter("clip", "frames", value=0),
        "adapter.clip.frames `0` is too small, expected at least 1",
    ),
    Fault(
        "betas-cross.json",
        adapter("noise_schedule", "beta_start", value=0.5),
        "adapter.noise_schedule.beta_start `0.5` is above beta_end `0.012`, expected at most that",
    ),
    Fault(
        "terminal-snr.json",
        adapter("noise_schedule", "zero_terminal_snr", value=True),
        "adapter.noise_schedule.prediction `epsilon` says nothing where only noise is left, "
        "expected `v_prediction` with zero_terminal_snr",
    ),
    Fault(
        "schedule-kind.json",
        adapter("noise_schedule", "kind", value="cosine"),
        "adapter.noise_schedule has the unknown kind `cosine`, expected `diffusion` or `flow`",
    ),
    Fault(
        "start-noise-late.json",
        adapter("sampling", "start_noise", "timestep", value=1000),
        "adapter.sampling.start_noise.timestep `1000` is not below train_steps `1000`",
    ),
)

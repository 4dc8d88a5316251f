"""How noise grows over training steps: `Diffusion` or `Flow`, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from registry_schema.document import Document, rule

TrainSteps = Annotated[int, Field(ge=1, le=100_000)]


class Diffusion(Document):
    """A variance-preserving schedule by its betas.

    `scaled_linear` is linear in the square root of beta. `steps_offset` and `spacing` choose timesteps when sampling;
    they do not change what was trained.
    """

    kind: Literal["diffusion"] = "diffusion"
    betas: Literal["linear", "scaled_linear"]
    beta_start: Annotated[float, Field(gt=0, lt=1)]
    beta_end: Annotated[float, Field(gt=0, lt=1)]
    train_steps: TrainSteps = 1000
    zero_terminal_snr: bool = False
    prediction: Literal["epsilon", "v_prediction", "sample"] = "epsilon"
    steps_offset: Annotated[int, Field(ge=0, le=1000)] = 0
    spacing: Literal["leading", "trailing"] = "leading"

    @model_validator(mode="after")
    def _agree(self) -> Diffusion:
        if self.beta_start > self.beta_end:
            raise rule("beta_start", f"`{self.beta_start}` is above beta_end `{self.beta_end}`, expected at most that")
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise rule("prediction", "`epsilon` says nothing where only noise is left, expected `v_prediction` "
                       "with zero_terminal_snr")  # fmt: skip
        return self


class Flow(Document):
    """Rectified flow: noisy = (1 - s) clean + s noise, s = shift u / (1 + (shift - 1) u)."""

    kind: Literal["flow"] = "flow"
    shift: Annotated[float, Field(gt=0, le=100)] = 1.0
    train_steps: TrainSteps = 1000


NoiseSchedule = Annotated[Diffusion | Flow, Field(discriminator="kind")]

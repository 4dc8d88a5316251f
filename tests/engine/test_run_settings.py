from __future__ import annotations

import pytest

from engine.run_settings import RunChoices, settle
from registry_schema.errors import UsageProblem
from registry_schema.sampling import SamplingHints, StartNoise
from tests.registry_schema.samples import adapter_spec, base_spec, flow_base_spec

BASE = base_spec()
WISH = StartNoise(shared=0.1)


def adapter(*, start_noise: StartNoise | None = None, match_first_frame: bool = True):
    hints = SamplingHints(start_noise=start_noise, match_first_frame=match_first_frame)
    return adapter_spec(BASE).model_copy(update={"sampling": hints})


def test_what_nobody_chose_comes_from_the_base():
    settings = settle(RunChoices(), BASE, [adapter()])
    assert (settings.steps, settings.sampler, settings.clip) == (
        BASE.sampling.steps,
        BASE.sampling.sampler,
        BASE.clip,
    )
    assert settings.fps == BASE.clip.fps
    assert settings.seed == 42


def test_start_noise_is_on_where_all_adapters_wish_it_and_a_person_goes_first():
    both, one = [adapter(start_noise=WISH), adapter(start_noise=WISH)], [adapter(start_noise=WISH), adapter()]
    assert settle(RunChoices(), BASE, both).start_noise == WISH
    assert settle(RunChoices(), BASE, one).start_noise is None
    assert settle(RunChoices(start_noise=True), BASE, one).start_noise == WISH
    assert settle(RunChoices(start_noise=False), BASE, both).start_noise is None


def test_colours_are_matched_unless_an_adapter_or_a_person_says_no():
    assert settle(RunChoices(match_first_frame=True), BASE, [adapter(match_first_frame=False)]).match_first_frame
    assert not settle(RunChoices(), BASE, [adapter(), adapter(match_first_frame=False)]).match_first_frame


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (RunChoices(seed=-1), "`--seed` is `-1`"),
        (RunChoices(steps=1001), "`--steps` is `1001`, expected 1 to 1000"),
        (RunChoices(frames=999), "`--frames` is `999`"),
        (RunChoices(fps=0), "`--fps` is `0`"),
        (RunChoices(fps=float("nan")), "`--fps` is `nan`"),
        (RunChoices(sampler="euler_flow"), "samples with `ddim`, `dpm` or `renoise`"),
        (RunChoices(size="0x100"), "`--size` is `0x100`, which is not a size"),
    ],
)
def test_a_choice_the_base_can_not_follow_is_refused_with_the_nearest(choices, words):
    with pytest.raises(UsageProblem) as caught:
        settle(choices, BASE, [adapter()])
    assert words in caught.value.message
    assert caught.value.hint


def test_a_flow_base_samples_with_flow_only():
    base = flow_base_spec()
    assert settle(RunChoices(), base, []).sampler == "euler_flow"
    with pytest.raises(UsageProblem, match="samples with `euler_flow`"):
        settle(RunChoices(sampler="ddim"), base, [])

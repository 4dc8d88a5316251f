"""Recipes: texts, defaults, overrides and their errors."""

from __future__ import annotations

import pytest

from engine.bases.base_folder import read_base_spec
from engine.bases.published_bases import published_bases
from engine.pretraining.starter_recipes import starter_recipe
from engine.recipe import (
    TrainRecipe,
    apply_overrides,
    base_defaults,
    recipe_for,
    recipe_from_dict,
    recipe_from_toml,
)
from registry_schema.errors import UsageProblem


def test_a_recipe_survives_being_written_and_read():
    recipe = recipe_from_dict(
        {
            "adapter": {
                "motion": 'a "quoted" \\ motion',
                "subjects": ["a bird", "zwölf Vögel"],
                "ranks": {"temporal_lora": "off"},
            },
            "optimiser": {"gradient_clip": float("inf"), "learning_rate": 3e-4},
        }
    )
    text = recipe.to_toml()
    assert recipe_from_toml(text.encode()) == recipe
    assert recipe_from_toml(text.encode()).to_toml() == text


def test_fixed_reference_weights_survive_being_written_and_read_as_one_half_each():
    recipe = recipe_from_dict(apply_overrides({}, ["adapter.weighting=fixed"]))
    assert recipe_from_toml(recipe.to_toml().encode()) == recipe
    assert (recipe.adapter.weighting, recipe.adapter.weighting_first) == ("fixed", 0.5)
    assert recipe.resume_digest != TrainRecipe().resume_digest


def test_what_a_file_leaves_out_comes_from_the_base_and_then_from_the_paper():
    base = {"optimiser": {"steps": 400, "learning_rate": 1e-3}}
    recipe = recipe_from_toml(b"[optimiser]\nsteps = 7\n", defaults=base)
    assert (recipe.optimiser.steps, recipe.optimiser.learning_rate) == (7, 1e-3)
    assert recipe.adapter.ranks.temporal_lora == TrainRecipe().adapter.ranks.temporal_lora


def test_overrides_are_typed_and_go_over_the_file():
    changed = apply_overrides(
        {"optimiser": {"steps": 9, "batch": 2}},
        ["optimiser.steps=400", "adapter.motion=birds", "adapter.ranks.implicit_prompt=off", "clips.flip = true"],
    )
    recipe = recipe_from_dict(changed)
    assert (recipe.optimiser.steps, recipe.optimiser.batch) == (400, 2)
    assert (recipe.adapter.motion, recipe.adapter.ranks.implicit_prompt, recipe.clips.flip) == ("birds", "off", True)


@pytest.mark.parametrize(
    ("assignment", "message", "hint"),
    [
        ("optimiser.step=4", "recipe has no key `optimiser.step`", "did you mean `optimiser.steps`?"),
        ("steps=4", "recipe has no key `steps`", "did you mean `optimiser.steps`?"),
        ("clips.learning_rate=1", "recipe has no key `clips.learning_rate`", "did you mean `optimiser.learning_rate`?"),
        ("optimiser=4", "recipe has no key `optimiser`", None),
        ("optimiser.steps", "`optimiser.steps` is not an assignment, expected `section.key=value`", None),
        ("optimiser.steps=many", 'recipe: `optimiser.steps` is `"many"`, expected a whole number', None),
        ("optimiser.steps=1.5", "recipe: `optimiser.steps` is `1.5`, expected a whole number", None),
        ("optimiser.steps=0", "recipe: `optimiser.steps` is `0`, expected at least 1", None),
        ("optimiser.ema_decay=1.0", "recipe: `optimiser.ema_decay` is `1.0`, expected less than 1", None),
        ("optimiser.learning_rate=nan", "recipe: `optimiser.learning_rate` is `NaN`, expected a finite number", None),
        ("optimiser.betas=[0.9]", "recipe: `optimiser.betas` is `[0.9]`, expected one more value", None),
        ("clips.flip=yes", 'recipe: `clips.flip` is `"yes"`, expected true or false', None),
        ("clips.crop=left", 'recipe: `clips.crop` is `"left"`, expected "center", "smart" or "random"', None),
        (
            "adapter.weighting=fix",
            'recipe: `adapter.weighting` is `"fix"`, expected "learned" or "fixed"',
            "did you mean `fixed`?",
        ),
        (
            "adapter.weighting_frist=1",
            "recipe has no key `adapter.weighting_frist`",
            "did you mean `adapter.weighting_first`?",
        ),
        ("adapter.weighting_first=1.5", "recipe: `adapter.weighting_first` is `1.5`, expected at most 1", None),
        (
            "adapter.ranks.temporal_lora=of",
            'recipe: `adapter.ranks.temporal_lora` is `"of"`, expected a whole number or "off"',
            "did you mean `off`?",
        ),
        (
            "adapter.ranks.cross_frame_attention=wide",
            'recipe: `adapter.ranks.cross_frame_attention` is `"wide"`, expected a whole number or "full" or "off"',
            None,
        ),
    ],
)
def test_a_faulty_override_says_what_was_expected(assignment, message, hint):
    with pytest.raises(UsageProblem) as caught:
        apply_overrides({}, [assignment])
    assert caught.value.message == message
    if hint:
        assert caught.value.hint == hint


def test_an_unknown_key_in_a_file_names_the_nearest_one():
    with pytest.raises(UsageProblem, match=r"no key `optimiser\.learning_rat`") as caught:
        recipe_from_toml(b"[optimiser]\nlearning_rat = 1.0\n")
    assert caught.value.hint == "did you mean `optimiser.learning_rate`?"


@pytest.mark.parametrize("data", [b"[optimiser", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_one_error(data):
    with pytest.raises(UsageProblem, match="recipe is not TOML"):
        recipe_from_toml(data)


def test_a_run_may_save_at_other_times_but_not_learn_otherwise_when_it_goes_on():
    plain = TrainRecipe()
    saves_more = recipe_from_dict({"run": {"checkpoint_steps": 3}, "optimiser": {"steps": 20_000}})
    learns_faster = recipe_from_dict({"optimiser": {"learning_rate": 1.0}})
    assert saves_more.resume_digest == plain.resume_digest
    assert learns_faster.resume_digest != plain.resume_digest
    bent = {"optimiser": {"schedule": "cosine", "steps": 10}}
    longer = {"optimiser": {"schedule": "cosine", "steps": 20}}
    assert recipe_from_dict(bent).resume_digest != recipe_from_dict(longer).resume_digest


def test_what_a_base_says_of_training_is_in_its_recipe():
    nano, plain = recipe_for(read_base_spec("nano")), TrainRecipe()
    training = read_base_spec("nano").training
    assert nano.adapter.alpha == training.alpha != plain.adapter.alpha
    assert nano.clips.windows == training.windows
    assert (nano.optimiser.schedule, nano.optimiser.warmup) == (training.schedule, training.warmup)
    assert (nano.optimiser.betas, nano.optimiser.ema_decay) == (training.betas, training.ema_decay)
    assert nano.loss.timesteps == training.timesteps
    assert nano.loss.least_weight == training.least_weight != plain.loss.least_weight
    assert nano.loss.weighting == plain.loss.weighting


def test_the_defaults_of_nano_are_what_the_starters_are_trained_with():
    starter = starter_recipe("waterfall", "adapter.motion=falls", "adapter.subjects=[]").to_dict()
    nano = recipe_from_dict(apply_overrides(base_defaults(read_base_spec("nano")), ["adapter.motion=falls"])).to_dict()
    assert {key: nano[key] for key in ("adapter", "clips", "optimiser", "loss")} == {
        key: starter[key] for key in ("adapter", "clips", "optimiser", "loss")
    }


def test_a_flow_base_is_trained_with_the_weights_of_its_authors():
    wan = next(known.base.facts for known in published_bases() if known.base.facts.family == "wan")
    assert recipe_from_dict(base_defaults(wan)).loss.weighting == "bell"


@pytest.mark.parametrize(
    ("motion", "word"),
    [
        ("camera pan right", "pan"),
        ("a horse running to the left", "left"),
        ("spinning counter-clockwise", "counter-clockwise"),
        ("Camera Roll", "Camera Roll"),
    ],
)
def test_a_motion_with_a_side_is_not_mirrored(motion, word):
    with pytest.raises(UsageProblem, match=f"`clips.flip` is `true`, but a motion with `{word}`") as caught:
        recipe_from_dict({"adapter": {"motion": motion}, "clips": {"flip": True}})
    assert caught.value.hint == "pass `--set clips.flip=false`"
    assert recipe_from_dict({"adapter": {"motion": motion}}).clips.flip is False


@pytest.mark.parametrize("motion", ["", "camera pan up", "rolling waves", "bright lights", "a company of birds"])
def test_a_motion_without_a_side_may_be_mirrored(motion):
    assert recipe_from_dict({"adapter": {"motion": motion}, "clips": {"flip": True}}).clips.flip


def test_only_known_faults_may_be_left_out_for():
    recipe = recipe_from_dict(apply_overrides({}, ['clips.leave_out=["unusable", "near-duplicate"]']))
    assert recipe.clips.leave_out == ("unusable", "near-duplicate")
    assert recipe_from_toml(recipe.to_toml().encode()) == recipe
    with pytest.raises(UsageProblem, match=r'recipe: `clips\.leave_out` is `"ugly"`, expected "unusable"'):
        apply_overrides({}, ['clips.leave_out=["ugly"]'])

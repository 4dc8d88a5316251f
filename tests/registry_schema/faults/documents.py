"""Faults of index lines, receipts, bases and presets."""

from __future__ import annotations

from tests.registry_schema.faults.fault import ABSENT, NEWER, Fault, put, swap

INDEX = (
    Fault("v-absent.jsonl", put("v", value=ABSENT), ":1: v is missing, expected `1`"),
    Fault("v-text.jsonl", put("v", value="1"), ":1: v `1` is not a format, expected `1`"),
    Fault("v-zero.jsonl", put("v", value=0), ":1: v `0` is not a format, expected `1`"),
    Fault("not-finished.jsonl", lambda data: data[:-1], ": the last line has no newline, expected a finished line"),
    Fault("blank-line.jsonl", lambda data: data + b"\n", ":2: line 1, column 1 is not JSON: Expecting value"),
    Fault(
        "build-twice.jsonl",
        lambda data: data + data,
        ":2: `miva/waterfall` 1.2.0--nano is listed already, expected each build once",
    ),
    Fault(
        "status-unknown.jsonl",
        put("status", value="gone"),
        ":1: status `gone` is not known here, expected `active`, `yanked` or `deprecated`",
    ),
    Fault(
        "successor-while-active.jsonl",
        put("successor", value="miva/river"),
        ":1: successor `miva/river` is named while status is `active`, expected `deprecated` or `yanked`",
    ),
    Fault(
        "manifest-size.jsonl",
        put("manifest", "size", value=65537),
        ":1: manifest.size `65537` is too large, expected at most 65536",
    ),
    Fault("tensors-absent.jsonl", put("weights", "tensors", value=ABSENT), ":1: weights.tensors is missing"),
    Fault("field-unknown.jsonl", put("stars", value=5), ":1: stars is not a known field", "did you mean `status`?"),
    Fault(
        "line-long.jsonl", lambda data: data[:-1].ljust(8193) + b"\n", ":1: is 8193 bytes long, expected at most 8192"
    ),
)

RECEIPT = (
    Fault(
        "schema-newer.json",
        put("schema", value="miva.receipt/2"),
        "schema `miva.receipt/2` is not known, expected `miva.receipt/1`",
        NEWER,
    ),
    Fault("adapters-none.json", put("adapters", value=[]), "adapters has 0 entries, expected at least 1"),
    Fault(
        "weight-large.json",
        put("adapters", 0, "weight", value=4.5),
        "adapters[0].weight `4.5` is too large, expected at most 4",
    ),
    Fault(
        "size-word.json",
        put("settings", "size", value="big"),
        "settings.size `big` is not a size, expected `photo`, `base` or for example `640x480`",
    ),
    Fault(
        "sampler-unknown.json",
        put("settings", "sampler", value="euler"),
        "settings.sampler `euler` is not known here, expected `ddim`, `dpm`, `renoise` or `euler_flow`",
    ),
    Fault(
        "seed-negative.json", put("settings", "seed", value=-1), "settings.seed `-1` is too small, expected at least 0"
    ),
    Fault("torch-version.json", put("versions", "torch", value=ABSENT), "versions.torch is missing"),
    Fault("versions-number.json", put("versions", "torch", value=2), "versions.torch `2` is not text"),
    Fault("digest-absent.json", put("digest", value=ABSENT), "digest is missing"),
)

BASE = (
    Fault(
        "family-unknown.json",
        put("family", value="sora"),
        "family `sora` is not known here, expected `unet_motion` or `wan`",
    ),
    Fault(
        "frames-swapped.json",
        put("frames", "min", value=33),
        "frames.min `33` is above max `32`, expected at most that",
    ),
    Fault(
        "frames-offset.json",
        put("frames", "offset", value=1),
        "frames.offset `1` is not below step `1`, expected a remainder",
    ),
    Fault(
        "frames-step.json",
        put("frames", "step", value=3),
        "frames.min `8` is itself not legal, expected 0 more than a multiple of 3",
    ),
    Fault(
        "clip-frames.json",
        put("clip", "frames", value=33),
        "clip.frames `33` breaks the base's own frame rule, expected for example 32",
    ),
    Fault(
        "clip-width.json", put("clip", "width", value=120), "clip.width `120` is not a multiple of size_multiple `16`"
    ),
    Fault(
        "spatial.json", put("latent", "spatial", value=5), "size_multiple `16` is not a multiple of latent.spatial `5`"
    ),
    Fault(
        "sampler-flow.json",
        put("sampling", "sampler", value="euler_flow"),
        "sampling.sampler `euler_flow` can not follow a diffusion schedule",
    ),
    Fault(
        "noise-scale.json",
        put("sampling", "noise_scale", value=1.5),
        "sampling.noise_scale `1.5` is too large, expected at most 1",
    ),
    Fault(
        "lone-weight.json",
        put("sampling", "lone_weight", value=0),
        "sampling.lone_weight `0` is too small, expected more than 0",
    ),
    Fault(
        "least-weight.json",
        put("training", "least_weight", value=1.2),
        "training.least_weight `1.2` is too large, expected at most 1",
    ),
    Fault(
        "learning-rate.json",
        put("training", "learning_rate", value=0),
        "training.learning_rate `0` is too small, expected more than 0",
    ),
)

PRESET = (
    Fault("not-toml.toml", swap(b'base = "nano"', b"base = Nano"), "is not TOML: Invalid value (at line 2, column 8)"),
    Fault(
        "weight-nan.toml",
        lambda data: data.replace(b"weight = 0.5", b"weight = nan", 1),
        "adapters[0].weight `nan` is not finite",
    ),
    Fault(
        "schema-absent.toml", swap(b'schema = "miva.preset/1"\n', b""), "schema is missing, expected `miva.preset/1`"
    ),
    Fault(
        "blend-unknown.toml",
        swap(b'blend = "sum"', b'blend = "mean"'),
        "blend `mean` is not known here, expected `sum` or `budget`",
    ),
    Fault(
        "adapter-twice.toml",
        swap(b"miva/clouds", b"miva/waterfall"),
        "adapters[1].name `miva/waterfall` is there already, expected each adapter once",
    ),
    Fault("base-date.toml", swap(b'base = "nano"', b"base = 2026-11-20"), "base `2026-11-20` is not text"),
    Fault(
        "version-range.toml",
        swap(b'version = "1.0.0"', b'version = ">=1"'),
        "adapters[1].version `>=1` is not a version, expected `X.Y.Z` or with `aN`, `bN`, `rcN` behind it, for example "
        "`1.2.0` or `1.2.0rc1`",
    ),
)

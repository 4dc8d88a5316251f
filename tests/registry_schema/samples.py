"""Valid documents that tests start from."""

from __future__ import annotations

from registry_schema.adapter_spec import AdapterSpec, CrossFrameAttentionSpec, ImplicitPromptSpec, TemporalLoraSpec
from registry_schema.advisories import Advisory
from registry_schema.attachments import Attachment
from registry_schema.base_spec import BaseSpec, FrameRule, LatentScale, TrainingDefaults
from registry_schema.clip_shape import ClipShape
from registry_schema.digests import Digest
from registry_schema.files import FileEntry, FileName
from registry_schema.index import IndexLine, WeightsPointer
from registry_schema.lock import Lock, LockedAdapter, LockedRegistry
from registry_schema.manifest import Manifest, Tag, TensorsRecord, TrainingRecord
from registry_schema.names import AdapterName, BaseName, RegistryName
from registry_schema.noise_schedule import Diffusion, Flow
from registry_schema.preset import Preset, PresetAdapter
from registry_schema.ranks import Ranks
from registry_schema.receipt import AdapterRecord, OutputRecord, PhotoRecord, Receipt, RunSettings, SizeChoice
from registry_schema.registry_address import RegistryId, RegistryUrl
from registry_schema.sampling import SamplingDefaults, SamplingHints, StartNoise
from registry_schema.signatures import PublicKey, Signature, Signatures, SignatureValue
from registry_schema.signed_state import (
    Checkpoint,
    Root,
    Snapshot,
    SnapshotEntry,
    SnapshotPointer,
    StatePath,
)
from registry_schema.text import Licence, Timestamp
from registry_schema.versions import Version, VersionRange

REGISTRY_ID = RegistryId("0b5e6d3a-5f0c-4b7e-9d55-3f2a1c9e8d10")
PUBLISHED = Timestamp("2026-11-20T09:30:00Z")


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def base_spec(*, weights: str = "weights", exact_only: bool = False) -> BaseSpec:
    return BaseSpec(
        name=BaseName("nano"),
        title="Nano",
        family="unet_motion",
        architecture=digest("architecture"),
        weights=digest(weights),
        licence=Licence("Apache-2.0"),
        clip=ClipShape(frames=16, height=80, width=128, fps=8),
        frames=FrameRule(min=8, max=32, step=1, offset=0),
        latent=LatentScale(channels=12, spatial=4, temporal=1),
        size_multiple=16,
        noise_schedule=Diffusion(betas="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1),
        sampling=SamplingDefaults(sampler="ddim", steps=50, start_noise=StartNoise(), match_first_frame=True),
        training=TrainingDefaults(
            ranks=Ranks(cross_frame_attention=16, implicit_prompt=16, temporal_lora=8), learning_rate=0.001, steps=400
        ),
        exact_only=exact_only,
    )


def flow_base_spec() -> BaseSpec:
    """A base with grouped latent frames and flow matching."""
    return BaseSpec(
        name=BaseName("wan2.1-t2v-1.3b"),
        title="Wan 2.1 text to video, 1.3B",
        family="wan",
        architecture=digest("wan architecture"),
        weights=digest("wan weights"),
        licence=Licence("Apache-2.0"),
        clip=ClipShape(frames=17, height=480, width=832, fps=8),
        frames=FrameRule(min=5, max=81, step=4, offset=1),
        latent=LatentScale(channels=16, spatial=8, temporal=4),
        size_multiple=16,
        noise_schedule=Flow(shift=5),
        sampling=SamplingDefaults(sampler="euler_flow", steps=50, start_noise=None, match_first_frame=True),
        training=TrainingDefaults(
            ranks=Ranks(cross_frame_attention=128, implicit_prompt=128), learning_rate=0.0001, steps=8000
        ),
    )


def adapter_spec(base: BaseSpec | None = None) -> AdapterSpec:
    base = base or base_spec()
    temporal = base.family == "unet_motion"
    return AdapterSpec(
        base=base.base_identity,
        masked=False,
        motion="water falling",
        subjects=("waterfall",),
        region="subject",
        ranks=base.training.ranks,
        cross_frame_attention=CrossFrameAttentionSpec(),
        implicit_prompt=ImplicitPromptSpec(words="a waterfall"),
        temporal_lora=TemporalLoraSpec(alpha=1) if temporal else None,
        clip=base.clip,
        noise_schedule=base.noise_schedule,
        sampling=SamplingHints(start_noise=StartNoise()),
    )


def manifest(*, version: str = "1.2.0") -> Manifest:
    return Manifest(
        name=AdapterName("miva/waterfall"),
        version=Version(version),
        title="Waterfall",
        summary="Water falls and foams",
        licence=Licence("Apache-2.0"),
        authors=("The mivactl authors",),
        tags=(Tag("water"), Tag("nature")),
        created=PUBLISHED,
        adapter=adapter_spec(),
        files=(
            FileEntry(path=FileName("adapter.safetensors"), digest=digest("file"), size=1_500_000, kind="weights"),
            FileEntry(path=FileName("README.md"), digest=digest("readme"), size=900, kind="readme"),
            FileEntry(path=FileName("preview.mp4"), digest=digest("preview"), size=90_000, kind="preview"),
        ),
        tensors=TensorsRecord(count=120, digest=digest("data")),
        training=TrainingRecord(
            clips=12,
            steps=400,
            seed=7,
            recipe=digest("recipe"),
            footage="drawn by engine.pretraining, no camera",
            tool="mivactl 0.1.0",
        ),
        requires=VersionRange(">=0.1"),
    )


def index_line(*, version: str = "1.2.0") -> IndexLine:
    return IndexLine.for_manifest(manifest(version=version), published=PUBLISHED)


def attachment() -> Attachment:
    file = FileEntry(path=FileName("evening.webp"), digest=digest("evening"), size=1000, kind="preview")
    return Attachment(name=manifest().name, manifest=index_line().manifest.digest, file=file, published=PUBLISHED)


def receipt() -> Receipt:
    base = base_spec()
    return Receipt.seal(
        photo=PhotoRecord(name="lake.jpg", digest=digest("photo"), pixels=digest("pixels")),
        adapters=(
            AdapterRecord(
                name=AdapterName("miva/waterfall"),
                version=Version("1.2.0"),
                manifest=digest("manifest"),
                weights=digest("file"),
                weight=0.5,
            ),
        ),
        base=base.base_identity,
        settings=RunSettings(
            seed=42,
            steps=50,
            sampler="ddim",
            clip=base.clip,
            start_noise=StartNoise(),
            match_first_frame=True,
            size=SizeChoice("photo"),
            fit="crop",
            fps=8,
            loop="none",
        ),
        versions={"mivactl": "0.1.0", "python": "3.11.7", "torch": "2.13.0"},
        output=OutputRecord(frames=digest("frames"), format="mp4"),
    )


def preset() -> Preset:
    waterfall = PresetAdapter(
        name=AdapterName("miva/waterfall"), version=Version("1.2.0"), digest=digest("manifest"), weight=0.5
    )
    clouds = PresetAdapter(
        name=AdapterName("miva/clouds"), version=Version("1.0.0"), digest=digest("other"), weight=0.5
    )
    return Preset(base=BaseName("nano"), blend="sum", adapters=(waterfall, clouds))


def locked(name: str, registry: str, *, asked: str = "", version: str = "1.2.0") -> LockedAdapter:
    return LockedAdapter(
        name=AdapterName(name),
        range=VersionRange(asked),
        version=Version(version),
        base=BaseName("nano"),
        masked=False,
        registry=RegistryName(registry),
        manifest=digest(f"{name} manifest"),
        weights=WeightsPointer(digest=digest(f"{name} file"), size=1_500_000, tensors=digest(f"{name} data")),
        status="active",
    )


def lock() -> Lock:
    studio = LockedRegistry(
        name=RegistryName("studio"),
        id=RegistryId("6e1f3c52-0c1f-4e8c-9a55-7d9a1f0a2b3c"),
        url=RegistryUrl("https://adapters.example.org/studio"),
    )
    starter = LockedRegistry(name=RegistryName("starter"), id=RegistryId("714689e3-62fd-45e5-af42-4be6e541b61f"))
    return Lock(
        base=base_spec().base_identity,
        registries=(starter, studio),
        adapters=(locked("acme/fog", "studio", asked=">=1,<2"), locked("miva/waterfall", "starter")),
    )


def public_key(name: str) -> PublicKey:
    return PublicKey(f"ed25519:{digest(name).hex}")


def root() -> Root:
    return Root(
        registry=REGISTRY_ID,
        version=3,
        expires=PUBLISHED.later(days=365),
        threshold=2,
        keys=(public_key("one"), public_key("two")),
    )


def snapshot() -> Snapshot:
    entry = SnapshotEntry(digest=digest("index"), size=900, lines=3)
    return Snapshot(
        registry=REGISTRY_ID,
        files={StatePath("index/miva/waterfall.jsonl"): entry, StatePath("advisories.jsonl"): entry},
    )


def checkpoint() -> Checkpoint:
    data = snapshot().to_bytes()
    return Checkpoint(
        registry=REGISTRY_ID,
        counter=7,
        issued=PUBLISHED,
        expires=PUBLISHED.later(days=7),
        snapshot=SnapshotPointer(digest=Digest.of(data), size=len(data)),
    )


def signatures() -> Signatures:
    values = (SignatureValue(2 * digest(name).hex) for name in ("one", "two"))
    keys = (public_key(name) for name in ("one", "two"))
    return Signatures(
        signatures=tuple(Signature(key=key, value=value) for key, value in zip(keys, values, strict=True))
    )


def advisory() -> Advisory:
    return Advisory(digest=digest("manifest"), kind="broken", reason="frames flicker", date=PUBLISHED)

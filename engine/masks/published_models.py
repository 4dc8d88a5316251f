"""The two models that find a subject by a phrase: where they are published, and the exact bytes of their weights.

Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry_schema.digests import Digest
from registry_schema.hub_names import Repository, Revision

DETECTOR: Final = "detector"
CUTTER: Final = "cutter"
WEIGHTS: Final = "model.safetensors"


@dataclass(frozen=True)
class PublishedModel:
    """One model in the layout of transformers.

    Attributes:
        part: what it does, and the folder it gets.
        repository: on the Hugging Face Hub.
        revision: a commit.
        files: what is taken, weights aside.
        digest: of `model.safetensors`.
        size_bytes: of `model.safetensors`.
        licence: of the weights.
    """

    part: str
    repository: Repository
    revision: Revision
    files: tuple[str, ...]
    digest: Digest
    size_bytes: int
    licence: str = "Apache-2.0"


SEGMENTER: Final = (
    PublishedModel(
        part=DETECTOR,
        repository=Repository("IDEA-Research/grounding-dino-tiny"),
        revision=Revision("a2bb814dd30d776dcf7e30523b00659f4f141c71"),
        files=("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"),
        digest=Digest("sha256:1a2412ef99bd74bcd3c2a246fa1e48581f8889a1300c9051974741314fc042f3"),
        size_bytes=689_359_096,
    ),
    PublishedModel(
        part=CUTTER,
        repository=Repository("facebook/sam2.1-hiera-small"),
        revision=Revision("ee5bba1d82bb8749febdf90f45e84b687142ba03"),
        files=("config.json",),
        digest=Digest("sha256:0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60"),
        size_bytes=184_305_280,
    ),
)
"""Source: Liu et al. 2023, Grounding DINO (arXiv 2303.05499); Ravi et al. 2024, SAM 2 (arXiv 2408.00714)."""

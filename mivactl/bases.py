"""The bases this machine knows: those that come with the engine, and those in the folder `bases` of mivactl's home."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.engine_bridge import packaged_base_folders, parameter_count, published_bases, room_here
from registry_schema.base_spec import BaseSpec
from registry_schema.errors import IntegrityProblem, MivaError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mivactl.engine_bridge import Room


@dataclass(frozen=True)
class KnownBase:
    """A base: its facts, the folder with its weights, and whether it came with mivactl."""

    spec: BaseSpec
    folder: Path
    packaged: bool

    @cached_property
    def room(self) -> Room | None:
        """Whether this machine can run it; None without weights, and for weights that can not be read."""
        if not self.has_weights:
            return None
        with suppress(IntegrityProblem):
            return room_here(self.parameters)
        return None

    @cached_property
    def parameters(self) -> int:
        """Numbers in its denoiser; raises `IntegrityProblem` if its weights can not be read."""
        return parameter_count(self.folder)

    @property
    def has_weights(self) -> bool:
        """Whether its denoiser lies in the folder, not its facts alone."""
        return any((self.folder / name / "config.json").is_file() for name in ("unet", "transformer"))


def known_bases(home: Path) -> tuple[KnownBase, ...]:
    """All bases: a person's own first, those of the package after them; the first of a name counts.

    Raises:
        SchemaError: a `base.json` that is not valid.
    """
    own = (path.parent for path in sorted((home / "bases").glob("*/base.json")))
    found: dict[str, KnownBase] = {}
    for folder, packaged in (
        *((folder, False) for folder in own),
        *((folder, True) for folder in packaged_base_folders()),
    ):
        base = _read_base(folder, packaged=packaged)
        found.setdefault(base.spec.name, base)
    return tuple(found.values())


def find_base(text: str, bases: Iterable[KnownBase]) -> KnownBase:
    """The base a person named: by its name, or by a folder with a `base.json`.

    Raises:
        NotFound: there is none; the hint names the nearest.
    """
    bases = tuple(bases)
    named = next((base for base in bases if base.spec.name == text), None)
    if named is not None:
        return named
    if (Path(text) / "base.json").is_file():
        return _read_base(Path(text), packaged=False)
    published = [publication.base.facts.name for publication in published_bases(())]
    names = [base.spec.name for base in bases] + published
    close = get_close_matches(text, names, n=1)
    hint = f"did you mean `{close[0]}`?" if close else "`mivactl base list` shows the bases"
    raise NotFound(f"no base `{text}` on this machine", hint=_fetch(text) if text in published else hint)


def require_weights(base: KnownBase) -> None:
    """Make sure that a base can be loaded.

    Raises:
        NotFound: only its facts are on this machine.
    """
    if not base.has_weights:
        raise NotFound(f"the weights of base `{base.spec.name}` are not on this machine", hint=_fetch(base.spec.name))


def _fetch(name: str) -> str:
    return f"`mivactl base fetch {name}` downloads it, `mivactl base add {name} --from DIR` takes it from a folder"


def _read_base(folder: Path, *, packaged: bool) -> KnownBase:
    path = folder / "base.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MivaError(f"cannot read `{path}`: {error.strerror}", hint="look at its permissions") from error
    return KnownBase(BaseSpec.parse(content, source=str(path)), folder, packaged)

"""`ShownAdapter`: what a gallery shows of an adapter, read from a registry and held against its digests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.content import Content
from mivactl.gallery.pictures import MAX_PREVIEW_BYTES, Media, MediaFile, read_media
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from mivactl.registry.registry import Registry
    from registry_schema.attachments import Attachment
    from registry_schema.files import FileEntry, FileKind
    from registry_schema.index import IndexLine, Status
    from registry_schema.manifest import Manifest
    from registry_schema.names import AdapterName

MAX_BUILDS: Final = 200
MAX_PREVIEWS: Final = 6
_STATES: Final[tuple[Status, ...]] = ("active", "deprecated", "yanked")


@dataclass(frozen=True)
class Build:
    """One build: its line, its manifest, and what was attached to it later."""

    line: IndexLine
    manifest: Manifest
    attachments: tuple[Attachment, ...] = ()

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """All of its files, those it was published with first."""
        return (*self.manifest.files, *(one.file for one in self.attachments))


@dataclass(frozen=True)
class Preview:
    """A picture and the clip made of it, either of which may be absent, under the name they were published with."""

    name: str
    still: MediaFile | None
    clip: MediaFile | None


@dataclass(frozen=True)
class ShownAdapter:
    """An adapter.

    Attributes:
        builds: what speaks for the adapter first (the newest release that is not withdrawn), then newest first.
        build_count: how many builds there are, also where not all of them are shown.
        left_out: previews that are not shown, each with the reason.
    """

    builds: tuple[Build, ...]
    build_count: int
    previews: tuple[Preview, ...]
    card: bytes | None
    licence_text: bytes | None
    left_out: tuple[str, ...]

    @property
    def lead(self) -> Build:
        """The build that speaks for the adapter."""
        return self.builds[0]

    @property
    def name(self) -> AdapterName:
        """Its name."""
        return self.lead.line.name

    @property
    def offered(self) -> tuple[Build, ...]:
        """The builds in the best state there is: those that are active, or else deprecated, or else yanked."""
        return tuple(build for build in self.builds if build.line.status == self.lead.line.status)

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases it can be had for."""
        return tuple(sorted({build.line.base.name for build in self.offered}))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions it can be had in, newest first."""
        newest_first = sorted({build.line.version for build in self.offered}, reverse=True)
        return tuple(str(version) for version in newest_first)


def read_adapter(registry: Registry, name: AdapterName) -> ShownAdapter | None:
    """What a gallery shows of the adapter `name`; None where the registry has no build of it.

    Raises:
        IntegrityProblem: a manifest or a file is missing, or is not what its digest says.
    """
    lines = sorted(registry.lines(name), key=_prominence, reverse=True)
    if not lines:
        return None
    attachments = registry.attachments(name)
    builds = tuple(_build(line, attachments, registry) for line in (lines[0], *_newest(lines[1:])))
    source = next((build for build in builds if _entries(build, "preview")), builds[0])
    previews, left_out = _previews(registry, source)
    return ShownAdapter(
        builds=builds,
        build_count=len(lines),
        previews=previews,
        card=_first_text(registry, builds, "readme"),
        licence_text=_first_text(registry, builds[:1], "licence"),
        left_out=left_out,
    )


def _build(line: IndexLine, attachments: tuple[Attachment, ...], registry: Registry) -> Build:
    attached = tuple(one for one in attachments if one.manifest == line.manifest.digest)
    return Build(line, registry.manifest(line), attached)


def _prominence(line: IndexLine) -> tuple[object, ...]:
    """What is greatest for the build that speaks for an adapter; among equals the one published first does."""
    return -_STATES.index(line.status), not line.version.is_prerelease, line.version, not line.masked


def _newest(lines: list[IndexLine]) -> list[IndexLine]:
    by_version = sorted(lines, key=lambda line: (line.version, line.published), reverse=True)
    return by_version[: MAX_BUILDS - 1]


def _entries(build: Build, kind: FileKind) -> list[FileEntry]:
    return sorted((entry for entry in build.files if entry.kind == kind), key=lambda entry: entry.path)


def _first_text(registry: Registry, builds: tuple[Build, ...], kind: FileKind) -> bytes | None:
    found = ((build, entry) for build in builds for entry in _entries(build, kind))
    first = next(found, None)
    return None if first is None else _file(registry, *first)


def _label(build: Build, entry: FileEntry) -> str:
    return f"{build.line.name} {build.line.version}: {entry.path}"


def _file(registry: Registry, build: Build, entry: FileEntry) -> bytes:
    label = _label(build, entry)
    with registry.open_file(Content(entry.digest, entry.size, label)) as file:
        content = file.read(entry.size + 1)
    found = Digest.of(content)
    if found != entry.digest:
        raise IntegrityProblem(
            f"{label}: digest is `{found}`, its registry states `{entry.digest}`",
            hint="the registry is damaged: run `mivactl registry site` again when its owner has mended it",
        )
    return content


def _previews(registry: Registry, build: Build) -> tuple[tuple[Preview, ...], tuple[str, ...]]:
    """The previews of a build, one for each name without its ending; and what is not shown."""
    read: dict[str, list[Media]] = {}
    left_out: list[str] = []
    for entry in _entries(build, "preview"):
        if entry.size > MAX_PREVIEW_BYTES:
            left_out.append(f"{_label(build, entry)} is larger than the {MAX_PREVIEW_BYTES} bytes that are shown")
            continue
        content = _file(registry, build, entry)
        try:
            media = read_media(content)
        except IntegrityProblem as problem:
            left_out.append(f"{_label(build, entry)} {problem.message}")
            continue
        read.setdefault(entry.path.rpartition(".")[0], []).append(media)
    previews = [_joined(name, found) for name, found in read.items()]
    previews.sort(key=lambda preview: preview.clip is None)
    return tuple(previews[:MAX_PREVIEWS]), tuple(left_out)


def _joined(name: str, found: list[Media]) -> Preview:
    """Of files of one name: a picture that was published as one stands before the first frame of a clip."""
    clip = next((media.clip for media in found if media.clip), None)
    pictures = [media.still for media in found if media.still and not media.clip]
    first_frames = [media.still for media in found if media.still and media.clip]
    return Preview(name, next(iter((*pictures, *first_frames)), None), clip)

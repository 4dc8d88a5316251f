"""Whether what makes clips is there: libraries in the versions asked for, a device, bases with weights."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

from mivactl.engine_bridge import device_name
from mivactl.operations.diagnosis.finding import Finding
from registry_schema.base_spec import BaseSpec
from registry_schema.errors import MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.session import Session

LIBRARIES: Final = ("torch", "diffusers", "peft", "safetensors", "huggingface_hub")


def engine_findings(session: Session) -> Iterator[Finding]:
    """What is wrong with libraries, device and bases; torch is loaded."""
    yield from version_findings(_asked_for())
    yield from _bases(session)
    try:
        device_name()
    except Exception as error:  # whatever a broken installation raises
        message = f"torch can not be used: {type(error).__name__}: {error}"
        yield Finding("device", "problem", message, "pip install --force-reinstall torch")


def versions() -> dict[str, str]:
    """Libraries and the versions that are installed, `missing` where one is not; and the device torch computes on."""
    found = {name: _installed(name) or "missing" for name in LIBRARIES}
    try:
        return {**found, "device": device_name()}
    except Exception:
        return {**found, "device": "none"}


def version_findings(requirements: list[Requirement]) -> Iterator[Finding]:
    """Which of the requirements are not met here."""
    for requirement in requirements:
        found = _installed(requirement.name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            message = f"{requirement.name} is `{found or 'missing'}`, expected `{requirement.specifier}`"
            yield Finding("libraries", "problem", message, f"pip install '{requirement}'")


def _asked_for() -> list[Requirement]:
    """What this version of mivactl asks for of `LIBRARIES`; nothing where it runs from its sources alone."""
    try:
        texts = metadata.requires("mivactl") or []
    except metadata.PackageNotFoundError:
        return []
    requirements = [Requirement(text) for text in texts]
    return [wanted for wanted in requirements if wanted.name in LIBRARIES and wanted.marker is None]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _bases(session: Session) -> Iterator[Finding]:
    broken = False
    for path in sorted((session.settings.home / "bases").glob("*/base.json")):
        try:
            BaseSpec.parse(path.read_bytes(), source=str(path))
        except MivaError as problem:
            broken = True
            yield Finding("bases", "problem", problem.message, f"rm -r '{path.parent}'")
    if broken:
        return
    chosen = next((base for base in session.bases if base.spec.name == session.settings.base), None)
    if chosen is None or not chosen.has_weights:
        name = session.settings.base
        message = f"base `{name}`, which the settings name, is not on this machine"
        yield Finding("bases", "problem", message, f"mivactl base fetch {name}")

"""Whether a repository on the Hub is still the one that was seen before: a deleted name can be taken by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.hub_client import hub_is_offline
from mivactl.registry.hub_memory import MOST_BUILDS, KnownBuild, KnownRepository
from mivactl.registry.hub_repository import HubRepository
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mivactl.registry.hub_repository import Refs
    from registry_schema.digests import Digest
    from registry_schema.hub_names import Repository


def check_history(known: KnownRepository, refs: Refs, place: Path) -> None:
    """Return when a commit that was seen before is in the repository still: it can not be made up.

    Args:
        known: the repository as it was last seen.
        refs: what it has now.
        place: the file that holds what is known of it.

    Raises:
        IntegrityProblem: it is another repository under the same name.
    """
    seen = {known.main, *known.tags.values()} - {None}
    if hub_is_offline() or seen & {refs.main, *refs.tags.values()}:
        return
    anchor = known.builds[0].commit if known.builds else known.main
    if anchor is None or HubRepository(known.repository).has_commit(anchor):
        return
    raise IntegrityProblem(
        f"`{known.repository}`: this repository was recreated: commit `{anchor[:12]}`, seen before, is not in it",
        hint=f"somebody else may own it now; if its owner confirms the change, delete `{place}` and run it again",
    )


def check_count(repository: Repository, refs: Refs) -> None:
    """Return unless there are more builds than anybody would read; raises `IntegrityProblem`."""
    if len(refs.tags) > MOST_BUILDS:
        raise IntegrityProblem(
            f"`{repository}` has {len(refs.tags)} builds, expected at most {MOST_BUILDS}",
            hint="tell the owner of the registry",
        )


def gone(known: KnownRepository, place: Path) -> IntegrityProblem:
    """The error for a repository that was there before; passing on would let another registry answer for it."""
    return IntegrityProblem(
        f"`{known.repository}` was on the Hub before, and now it is gone or private",
        hint=f"run `hf auth login` if it is yours; if its owner gave it up, delete `{place}` and run it again",
    )


def remembered(
    repository: Repository, refs: Refs, manifests: Mapping[str, Digest], known: KnownRepository | None
) -> KnownRepository:
    """The repository as it is now.

    Args:
        manifests: the digest of each build's manifest, by tag.

    Raises:
        IntegrityProblem: a build has other bytes than it had.
    """
    before = {} if known is None else {build.tag: build for build in known.builds}
    for tag, digest in manifests.items():
        if tag in before and before[tag].manifest != digest:
            raise IntegrityProblem(
                f"`{repository}`: tag `{tag}` holds a manifest with digest `{digest}`, it was `{before[tag].manifest}`",
                hint="published versions never change: do not use it, and tell its owner",
            )
    now = {tag: KnownBuild(tag=tag, commit=refs.tags[tag], manifest=digest) for tag, digest in manifests.items()}
    left = {tag: build.model_copy(update={"there": False}) for tag, build in before.items() if tag not in now}
    builds = sorted({**left, **now}.values(), key=lambda build: build.tag)
    return KnownRepository(repository=repository, main=refs.main, builds=tuple(builds[:MOST_BUILDS]))

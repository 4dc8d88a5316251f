"""The Hugging Face Hub as a source of base models: what a folder of a repository holds, and its files, resumable.

Metadata, addresses, credentials and the transfer are huggingface_hub's.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors
from mivactl.hub_client import hub_api, hub_endpoint, hub_headers, hub_is_offline
from mivactl.hub_errors import ANOTHER_BASE, hub_errors
from registry_schema.digests import Digest
from registry_schema.errors import Incomplete, IntegrityProblem, NetworkProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom
    from pathlib import Path
    from typing import BinaryIO

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class HubFile:
    """A file of a repository at a commit; `digest` is known of large files, `blob` (Git's SHA-1) of small ones."""

    repository: str
    commit: str
    path: str
    size_bytes: int
    digest: Digest | None
    blob: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


class Hub:
    """The Hub at `HF_ENDPOINT`, asked with the person's own token if there is one.

    Args:
        what: is fetched from it, in words.
        otherwise: the way out that needs no Hub, in words that go on after "or".

    Raises:
        NetworkProblem: the network is switched off.
    """

    def __init__(self, *, what: str = "base models", otherwise: str = ANOTHER_BASE) -> None:
        if hub_is_offline():
            raise NetworkProblem(
                f"{what} are fetched from the Hugging Face Hub, and the network is switched off",
                hint=f"leave out `--offline` and unset `HF_HUB_OFFLINE`, or {otherwise}",
            )
        self._api, self._otherwise = hub_api(), otherwise

    def files(self, repository: str, revision: str, folder: str | None) -> tuple[HubFile, ...]:
        """The files in a folder of a repository, at the commit that `revision` is now.

        Raises:
            NotFound: no such repository, revision or folder.
            AuthProblem: it is gated or private.
            NetworkProblem: the Hub can not be reached.
        """
        from huggingface_hub.hf_api import RepoFile

        with hub_errors(repository, revision, otherwise=self._otherwise):
            commit = self._api.model_info(repository, revision=revision).sha or revision
            entries = list(self._api.list_repo_tree(repository, folder, revision=commit))
        return tuple(
            HubFile(
                repository,
                commit,
                entry.path,
                entry.lfs.size if entry.lfs else entry.size,
                Digest(f"sha256:{entry.lfs.sha256}") if entry.lfs else None,
                entry.blob_id,
            )
            for entry in entries
            if isinstance(entry, RepoFile)
        )

    def check_access(self, file: HubFile) -> None:
        """Make sure that `file` may be downloaded: what a gated repository holds can be seen, not taken.

        Raises:
            AuthProblem: it may not; and as `files`.
        """
        with hub_errors(file.repository, file.commit, otherwise=self._otherwise):
            self._api.get_hf_file_metadata(url=self._address(file))

    def download(self, file: HubFile, target: Path, *, received: Callable[[int], object]) -> None:
        """Write `file` to `target`, going on where an earlier attempt stopped (a `.part` beside it).

        Args:
            received: told the bytes as they come, those of earlier attempts first.

        Raises:
            Incomplete: the connection broke; what came is kept, and the next call goes on from there.
            IntegrityProblem: the bytes are not those the Hub announced; nothing is kept.
            ResourceProblem: no space left.
            NotFound, AuthProblem, NetworkProblem: as `files`.
        """
        if target.exists():
            with target.open("rb") as there:
                if _digests(there, file) is None:
                    received(file.size_bytes)
                    return
            target.unlink()
        # another commit's part has another name
        part = target.with_name(f"{target.name}.{file.blob[:12]}.part")
        with disk_errors(part):
            target.parent.mkdir(parents=True, exist_ok=True)
            stream = part.open("r+b" if part.exists() else "w+b")
        with stream:
            with disk_errors(part), _transfer_errors(file, self._otherwise):
                self._transfer(file, stream, received)
            _check(stream, file, part)
        part.replace(target)

    def _transfer(self, file: HubFile, stream: BufferedRandom, received: Callable[[int], object]) -> None:
        from huggingface_hub.file_download import http_get

        start = _start(stream, file)
        received(start)
        http_get(
            self._address(file),
            _Counted(stream, received),  # type: ignore[arg-type]
            resume_size=start,
            headers=hub_headers(),
            expected_size=file.size_bytes,
        )
        stream.flush()
        os.fsync(stream.fileno())

    def _address(self, file: HubFile) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(file.repository, file.path, revision=file.commit, endpoint=hub_endpoint())


class _Counted:
    """A file that says how many bytes it was given."""

    def __init__(self, stream: BufferedRandom, received: Callable[[int], object]) -> None:
        self._stream = stream
        self._received = received

    def write(self, data: bytes) -> int:
        self._received(len(data))
        return self._stream.write(data)

    def seek(self, position: int) -> int:
        self._received(position - self._stream.tell())
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()

    def truncate(self) -> int:
        return self._stream.truncate()


def _start(stream: BufferedRandom, file: HubFile) -> int:
    """Where to go on; a part that is longer than the file is of something else."""
    end = stream.seek(0, os.SEEK_END)
    if end <= file.size_bytes:
        return end
    stream.truncate(0)
    return stream.seek(0)


def _check(stream: BufferedRandom, file: HubFile, part: Path) -> None:
    stream.seek(0)
    digests = _digests(stream, file)
    if digests is not None:
        part.unlink(missing_ok=True)
        raise IntegrityProblem(
            f"`{file.path}` of `{file.repository}`: digest is `{digests[0]}`, the Hub announced `{digests[1]}`",
            hint="run it again; if it stays so, something between here and the Hub changes files",
        )


def _digests(stream: BinaryIO, file: HubFile) -> tuple[str, str] | None:
    """The digest of what `stream` holds and the one announced; None where they are equal."""
    if file.digest is not None:
        found, expected = str(Digest.of_stream(stream)), str(file.digest)
    else:
        # Git names a file by the SHA-1 of a header and its bytes
        blob = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
        while chunk := stream.read(_CHUNK_BYTES):
            blob.update(chunk)
        found, expected = blob.hexdigest(), file.blob
    return None if found == expected else (found, expected)


@contextmanager
def _transfer_errors(file: HubFile, otherwise: str) -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

    with hub_errors(file.repository, file.commit, otherwise=otherwise):
        try:
            yield
        except HfHubHTTPError:
            raise
        except HTTPError as error:
            raise _incomplete(file, str(error)) from error
        except OSError as error:
            # huggingface_hub says so when fewer bytes came than were announced
            if error.errno is not None:
                raise
            raise _incomplete(file, "fewer bytes came than were announced") from error


def _incomplete(file: HubFile, why: str) -> Incomplete:
    return Incomplete(
        f"the download of `{file.path}` from `{file.repository}` stopped: {why or 'the connection broke'}",
        hint="run it again: it goes on where it stopped",
    )

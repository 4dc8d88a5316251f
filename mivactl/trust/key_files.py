"""Private keys in a folder that only their owner can look into."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, stage_durably, sync_folder
from mivactl.trust.ed25519 import SigningKey
from registry_schema.errors import Busy, NotFound, Refused
from registry_schema.names import RegistryName

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_KEY: Final = "default"
_PEM_BYTES_MAX: Final = 4096
_OTHERS: Final = 0o077


class KeyFolder:
    """The keys in `folder`, one `NAME.pem` each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """The names of all keys, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.pem")))

    def read(self, name: str) -> SigningKey:
        """One key.

        Raises:
            NotFound: there is none of that name.
            Refused: others may read its file.
            IntegrityProblem: the file holds no key.
        """
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise NotFound(
                f"no key `{name}` in `{self.folder}`", hint=f"`mivactl keys new {name}` makes one"
            ) from error
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_PEM_BYTES_MAX)
        if os.name != "nt" and mode & _OTHERS:
            raise Refused(f"others may read the private key `{path}`", hint=f"run `chmod 600 {path}`")
        return SigningKey.from_pem(name, content)

    def all(self) -> tuple[SigningKey, ...]:
        """Every key; raises as `read`."""
        return tuple(self.read(name) for name in self.names())

    def create(self, name: str) -> SigningKey:
        """A new key, on the disk.

        Raises:
            Busy: there is one of that name.
            UsageProblem: no name for a file.
        """
        path = self._path(name)
        key = SigningKey.generate(name)
        with disk_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        with disk_errors(path):
            staged = stage_durably(path, key.to_pem(), mode=0o600)
            try:
                _place(staged, path)
            except FileExistsError as error:
                raise Busy(
                    f"there is a key `{name}` already", hint="choose another name: `mivactl keys list`"
                ) from error
            finally:
                staged.unlink(missing_ok=True)
            sync_folder(self.folder)
        return key

    def retire(self, name: str) -> str:
        """Give a key the name `NAME-N`, the first that is free; that name."""
        number = next(number for number in range(1, 10_000) if not self._path(f"{name}-{number}").exists())
        retired = f"{name}-{number}"
        with disk_errors(self.folder):
            self._path(name).rename(self._path(retired))
            sync_folder(self.folder)
        return retired

    def _path(self, name: str) -> Path:
        return self.folder / f"{RegistryName.checked(name)}.pem"


def _place(staged: Path, path: Path) -> None:
    """A whole key or none, and never over another one; without hard links only nearly never."""
    try:
        os.link(staged, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        if path.exists():
            raise FileExistsError(path) from None
        staged.replace(path)

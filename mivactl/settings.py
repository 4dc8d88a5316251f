"""What a run is told from outside: flags, then `MIVACTL_*`, then the user's config file, then defaults."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_BASE: Final = "nano"
_CONFIG_BYTES_MAX: Final = 64 * 1024
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})
_FILE_KEYS: Final = ("base", "offline", "lock_timeout", "store_max_size", "shared_stores", "policy")
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?(B|kB|MB|GB|TB)?", re.IGNORECASE)
_UNITS: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a run knows before it looks at the store.

    Attributes:
        home: the folder with the store, the registries' list, the local registry and bases.
        base: the base a person works with; adapters for it are preferred.
        offline: no network at all.
        lock_timeout: seconds to wait for another process.
        store_max_bytes: of installed files; above it, files that nothing needs go. None is no limit.
        shared_stores: stores of others whose builds are used where they lie.
        licences_deny: licences that nothing installed may have; `CC-BY-NC-*` stands for several.
        continuous_integration: `CI=true`, as services that build and test say it; a lock is held to then.
    """

    home: Path
    base: str = DEFAULT_BASE
    base_was_chosen: bool = False
    offline: bool = False
    lock_timeout: float = 60.0
    store_max_bytes: int | None = None
    shared_stores: tuple[Path, ...] = ()
    licences_deny: tuple[str, ...] = ()
    continuous_integration: bool = False

    @property
    def config_file(self) -> Path:
        """Where the person's own settings are read from; mivactl never writes it."""
        return self.home / "config.toml"


def load_settings(environment: Mapping[str, str], *, offline: bool = False) -> Settings:
    """The settings in force.

    Args:
        environment: the process environment.
        offline: the flag of the command line; it can switch the network off, never on.

    Raises:
        UsageProblem: a value that can not be read, or a key nobody knows.
    """
    home = _home(environment)
    from_file = _read_config(home / "config.toml")
    base = environment.get("MIVACTL_BASE") or from_file.get("base")
    switch = environment.get("MIVACTL_OFFLINE", from_file.get("offline", False))
    timeout = environment.get("MIVACTL_LOCK_TIMEOUT") or from_file.get("lock_timeout", 60)
    return Settings(
        home=home,
        base=str(base or DEFAULT_BASE),
        base_was_chosen=base is not None,
        offline=offline or _switch("MIVACTL_OFFLINE", switch),
        lock_timeout=_seconds("MIVACTL_LOCK_TIMEOUT", timeout),
        store_max_bytes=_size(
            "store_max_size", environment.get("MIVACTL_STORE_MAX_SIZE") or from_file.get("store_max_size")
        ),
        shared_stores=_folders(environment.get("MIVACTL_SHARED_STORE", from_file.get("shared_stores", ()))),
        continuous_integration=environment.get("CI", "").lower() in _TRUE,
        licences_deny=_licences(from_file.get("policy", {}), home / "config.toml"),
    )


def _home(environment: Mapping[str, str]) -> Path:
    chosen = environment.get("MIVACTL_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("mivactl", appauthor=False)


def _read_config(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(_CONFIG_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageProblem(f"cannot read `{path}`: {error.strerror}", hint="look at its permissions") from error
    import tomllib

    if len(content) > _CONFIG_BYTES_MAX:
        raise UsageProblem(f"`{path}` has more than {_CONFIG_BYTES_MAX} bytes", hint="keep only settings in it")
    try:
        values = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"`{path}` is not TOML: {error}", hint="write one `key = value` a line") from error
    for key in values:
        if key not in _FILE_KEYS:
            raise UsageProblem(f"`{path}` has the unknown key `{key}`", hint=_nearest_key(key))
    return values


def _nearest_key(key: str) -> str:
    close = get_close_matches(key, _FILE_KEYS, n=1)
    return f"did you mean `{close[0]}`?" if close else f"it may have {', '.join(f'`{name}`' for name in _FILE_KEYS)}"


def _licences(policy: object, path: Path) -> tuple[str, ...]:
    """The licences that a policy rules out."""
    if not isinstance(policy, dict) or policy.keys() - {"licences_deny"}:
        raise UsageProblem(
            f"`policy` in `{path}` is off", hint='write `[policy]` and `licences_deny = ["GPL-3.0-only"]`'
        )
    deny = policy.get("licences_deny", [])
    if not isinstance(deny, list) or not all(isinstance(text, str) for text in deny):
        raise UsageProblem(
            f"`policy.licences_deny` in `{path}` is no list of licences",
            hint='write `licences_deny = ["GPL-3.0-only"]`',
        )
    if not deny:
        return ()
    from registry_schema.licence_policy import LicencePattern

    return tuple(LicencePattern(text) for text in deny)


def _switch(name: str, value: object) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise UsageProblem(f"`{name}` is `{value}`, expected 1 or 0", hint=f"set `{name}=1` or unset it")


def _seconds(name: str, value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise UsageProblem(f"`{name}` is `{value}`, expected seconds from 0 to 86400", hint=f"set `{name}=60`")
    return seconds


def _size(name: str, value: object) -> int | None:
    if value is None:
        return None
    found = _SIZE.fullmatch(str(value).strip())
    if found is None or isinstance(value, bool):
        raise UsageProblem(f"`{name}` is `{value}`, expected a size", hint=f'set `{name} = "20 GB"`')
    return int(float(found[1]) * _UNITS[(found[2] or "B").lower()])


def _folders(value: object) -> tuple[Path, ...]:
    """Folders from a list in the file, or from one text as `PATH` has them."""
    texts = [text for text in value.split(os.pathsep) if text] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise UsageProblem(
            f"`shared_stores` is `{value}`, expected folders", hint='set `shared_stores = ["/srv/mivactl/store"]`'
        )
    return tuple(Path(text).expanduser().absolute() for text in texts)

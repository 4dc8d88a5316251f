"""The Hugging Face Hub's own client as mivactl uses it: where it asks, when it may not, how long an answer may take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB: Final = "https://huggingface.co"
_TRUE: Final = frozenset({"1", "ON", "YES", "TRUE"})
_SILENCE_SECONDS: Final = 60.0


def hub_is_offline() -> bool:
    """Whether the Hub may not be asked; `--offline` says so in the same variable."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE


def hub_endpoint() -> str:
    """The Hub's address: `HF_ENDPOINT`, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def hub_api() -> HfApi:
    """The client, which asks with the person's own token if there is one."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars, logging  # type: ignore[attr-defined]

    _leave_out_telemetry()

    disable_progress_bars()
    # What goes wrong is raised, and said by whoever meets it.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return HfApi(endpoint=hub_endpoint(), library_name="mivactl")


def hub_session() -> Any:  # noqa: ANN401 - of httpx or httpx2, as the version of huggingface_hub has it
    """The connections of the client, which by themselves would wait for ever."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    session = get_session()
    session.timeout = _SILENCE_SECONDS
    return session


def hub_headers() -> dict[str, str]:
    """What every request says: who asks, and that bytes are wanted as they are."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    _leave_out_telemetry()
    return {**build_hf_headers(library_name="mivactl"), "Accept-Encoding": "identity"}


def _leave_out_telemetry() -> None:
    """Stop the client from telling which program started it, and from asking the Hub for a list of such programs."""
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True

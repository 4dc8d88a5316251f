"""What huggingface_hub says went wrong, as errors a person can act on."""

from __future__ import annotations

from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

from registry_schema.errors import AuthProblem, MivaError, NetworkProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

ANOTHER_BASE: Final = "`mivactl base add NAME --from DIR`"


class RateLimited(NetworkProblem):
    """The Hub was asked too often; who still knows an earlier answer can go on with it."""


@contextmanager
def hub_errors(repository: str, revision: str, *, doing: str = "read", otherwise: str = ANOTHER_BASE) -> Iterator[None]:
    """Turn what huggingface_hub says into an error a person can act on.

    Args:
        doing: what is done with the repository.
        otherwise: the way out that needs no Hub, in words that go on after "or".

    Raises:
        NotFound, AuthProblem, NetworkProblem: see each case.
        RateLimited: there were too many requests.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise AuthProblem(
            f"`{repository}` is gated: its owner wants you to accept conditions first",
            hint=f"accept them on https://huggingface.co/{repository}, then `hf auth login` and run it again",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise NotFound(
            f"`{repository}` has no revision `{revision}`",
            hint="its history was rewritten, or this mivactl is too old: run `pip install --upgrade mivactl`",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NotFound(
            f"no repository `{repository}` on the Hub, or it is private",
            hint=f"`hf auth login` with an account that may see it, or {otherwise}",
        ) from error
    except errors.EntryNotFoundError as error:
        raise NotFound(
            f"`{repository}` has not all files at `{revision}`", hint=f"tell its owner, or {otherwise}"
        ) from error
    except errors.HfHubHTTPError as error:
        raise _refused(repository, error.response.status_code, doing) from error
    except errors.HTTPError as error:  # type: ignore[attr-defined]
        raise NetworkProblem(
            f"the Hugging Face Hub can not be reached: {str(error) or type(error).__name__}",
            hint=f"look at the connection and run it again, or {otherwise}",
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise NetworkProblem("the network is switched off", hint="unset `HF_HUB_OFFLINE`") from error


@contextmanager
def hub_answers(repository: str) -> Iterator[None]:
    """Hold an answer's JSON against what is read of it: a network's sign-in page is not the Hub.

    Raises:
        NetworkProblem: it is something else.
    """
    try:
        yield
    except (JSONDecodeError, KeyError, TypeError) as error:
        raise NetworkProblem(
            f"what answers for the Hugging Face Hub about `{repository}` is not the Hub",
            hint="look at `HF_ENDPOINT`, and whether this network wants a sign-in first",
        ) from error


def _refused(repository: str, status: int, doing: str) -> MivaError:
    if status in {401, 403}:
        return AuthProblem(
            f"the Hub does not let you {doing} `{repository}` (HTTP {status})",
            hint="run `hf auth login`, then try again",
        )
    if status == 429:
        return RateLimited(
            f"the Hub was asked too often (HTTP {status} for `{repository}`)",
            hint="wait five minutes and run it again; after `hf auth login` one may ask more often",
        )
    return NetworkProblem(
        f"the Hub answered HTTP {status} for `{repository}`", hint="wait a few minutes and run it again"
    )

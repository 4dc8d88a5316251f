"""What huggingface_hub says went wrong, as errors a person can act on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry_schema.errors import AuthProblem, MivaError, NetworkProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hub_errors(repository: str, revision: str) -> Iterator[None]:
    """Turn what huggingface_hub says into an error a person can act on.

    Raises:
        NotFound, AuthProblem, NetworkProblem: see each case.
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
            hint="`hf auth login` with an account that may see it, or `mivactl base add NAME --from DIR`",
        ) from error
    except errors.EntryNotFoundError as error:
        raise NotFound(f"`{repository}` has not all files at `{revision}`", hint="`mivactl base add NAME --from DIR` "
                       "takes files from elsewhere") from error  # fmt: skip
    except errors.HfHubHTTPError as error:
        raise _refused(repository, error.response.status_code) from error
    except errors.HTTPError as error:  # type: ignore[attr-defined]
        raise NetworkProblem(
            f"the Hugging Face Hub can not be reached: {str(error) or type(error).__name__}",
            hint="look at the connection and run it again, or `mivactl base add NAME --from DIR`",
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise NetworkProblem("the network is switched off", hint="unset `HF_HUB_OFFLINE`") from error


def _refused(repository: str, status: int) -> MivaError:
    if status in {401, 403}:
        return AuthProblem(
            f"the Hub does not let you read `{repository}` (HTTP {status})", hint="run `hf auth login`, then try again"
        )
    return NetworkProblem(
        f"the Hub answered HTTP {status} for `{repository}`", hint="wait a few minutes and run it again"
    )

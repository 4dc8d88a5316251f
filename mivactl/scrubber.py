"""The one place that takes secrets out of text before anybody sees it: known ones, and what looks like one.

Everything a command prints passes through `scrub`: results, notes, JSON, errors, logs, warnings and tracebacks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN: Final = "***"
# Shorter words would be struck out of text that has nothing to do with them; `login` takes none.
SHORTEST_SECRET: Final = 8
_SECRET_VARIABLES: Final = re.compile(
    r"MIVACTL_TOKEN_.*|HF_TOKEN|HUGGING_?FACE_HUB_TOKEN|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN"
)
# What tokens of well-known places look like, from their own documentation and from gitleaks' rules.
TOKEN_SHAPES: Final[dict[str, str]] = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{20,}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Slack token": r"\bxox[abposr]-[A-Za-z0-9-]{10,}",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_-]{40,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}",
    "an OpenAI or Anthropic key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
_KEPT: Final = r"(?P<kept>{})"
_CONTEXTS: Final = (
    r"[a-z][a-z0-9+.-]*://",  # a name and a password in an address: both go
    r"\bauthorization['\"]?\s*[:=]\s*['\"]?(?:basic |bearer |token )?",
    r"\bbearer ",
    r"[?&](?:token|access_token|api_key|x-amz-(?:signature|credential|security-token)|sig|signature)=",
)
_AFTER: Final = (r"[^\s/@'\"<>]+(?=@)", r"[^\s'\",;]+", r"[A-Za-z0-9._~+/=-]{16,}", r"[^\s&'\"#]+")
_IN_CONTEXT: Final = tuple(
    re.compile(_KEPT.format(context) + after, re.IGNORECASE) for context, after in zip(_CONTEXTS, _AFTER, strict=True)
)
_SHAPES: Final = re.compile("|".join(TOKEN_SHAPES.values()))
_known: set[str] = set()


def remember(secret: str) -> None:
    """Strike `secret` out of everything from now on, as it is and as an address spells it."""
    if len(secret) >= SHORTEST_SECRET:
        _known.update({secret, quote(secret, safe="")})


def remember_environment(environment: Mapping[str, str]) -> None:
    """Strike out the tokens that environment variables hold."""
    for name, value in environment.items():
        if _SECRET_VARIABLES.fullmatch(name):
            remember(value)


def known_secrets() -> frozenset[str]:
    """All secrets that have been met so far."""
    return frozenset(_known)


def scrub(text: str) -> str:
    """`text` with `***` in place of every secret."""
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    text = _SHAPES.sub(HIDDEN, text)
    for pattern in _IN_CONTEXT:
        text = pattern.sub(rf"\g<kept>{HIDDEN}", text)
    return text

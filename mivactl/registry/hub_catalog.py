"""Which adapters an owner has on the Hub: one list, found by the tag `miva`, good for an hour."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mivactl.hub_client import hub_endpoint, hub_headers, hub_is_offline, hub_session
from mivactl.hub_errors import hub_errors
from mivactl.registry.hub_card import TAG, line_in
from mivactl.registry.static import catalog_matches
from registry_schema.catalog import completed, with_line
from registry_schema.errors import AuthProblem, NetworkProblem, NotFound, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mivactl.registry.hub_memory import HubMemory
    from mivactl.registry.hub_place import HubPlace
    from registry_schema.catalog import CatalogLine, CatalogRow

FRESH_SECONDS: Final = 3600.0
_PAGE: Final = 1000
_MOST_PAGES: Final = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Listing:
    """The lines of a catalog, and when they were asked for, in seconds since 1970."""

    asked: float
    rows: bytes

    def is_fresh(self, now: float) -> bool:
        return 0 <= now - self.asked < FRESH_SECONDS

    def to_bytes(self) -> bytes:
        return b"%d\n" % self.asked + self.rows

    @classmethod
    def parse(cls, data: bytes) -> _Listing:
        asked, _, rows = data.partition(b"\n")
        return cls(float(asked), rows)


class HubCatalog:
    """The adapters of one owner."""

    def __init__(self, place: HubPlace, memory: HubMemory) -> None:
        self._place = place
        self._memory = memory
        self._held: _Listing | None = None

    def matches(self, words: Sequence[str]) -> Iterator[CatalogRow]:
        """The rows that may hold all of the lower-case `words`, sorted by name.

        An older list is used, and a warning written, when the Hub can not be asked.

        Raises:
            AuthProblem, NetworkProblem: there is no older list either.
        """
        source = f"{self._place.address}: list of adapters"
        # What was found once, older or not, is good for as long as a fresh list: one warning is enough.
        now = time.time()
        if self._held is None or not self._held.is_fresh(now):
            self._held = _Listing(now, self._listing().rows)
        return catalog_matches(self._held.rows, words, source=source)

    def put(self, line: CatalogLine) -> None:
        """Have `line` in the list that is remembered: the Hub takes a while to find what was just written."""
        self._held = None
        with self._memory.changing_listing(self._place.owner):
            listing = self._remembered()
            if listing is not None:
                rows = with_line(listing.rows, line.name, line, source=self._place.address)
                self._memory.keep_listing(self._place.owner, _Listing(listing.asked, rows).to_bytes())

    def _remembered(self) -> _Listing | None:
        data = self._memory.listing(self._place.owner)
        return None if data is None else _Listing.parse(data)

    def _listing(self) -> _Listing:
        earlier = self._remembered()
        if earlier is not None and earlier.is_fresh(time.time()):
            return earlier
        if hub_is_offline():
            return self._instead(earlier, "the network is switched off")
        try:
            return self._asked(earlier)
        except (AuthProblem, NetworkProblem, NotFound) as error:
            if earlier is None and not isinstance(error, NotFound):
                raise
            return self._instead(earlier, error.message)

    def _instead(self, earlier: _Listing | None, why: str) -> _Listing:
        what = "an older list is used" if earlier is not None else "none are listed"
        _log.warning("adapters of `%s`: %s; %s", self._place.address, why, what)
        return earlier or _Listing(0, b"")

    def _asked(self, earlier: _Listing | None) -> _Listing:
        found = (self._line(model) for model in _models(self._place.owner))
        lines = {line.name: line.to_bytes() for line in found if line is not None}
        rows = b"".join(lines[name] for name in sorted(lines))
        with self._memory.changing_listing(self._place.owner):
            meanwhile = self._remembered()
            if meanwhile is not None and meanwhile != earlier:  # what was published while the Hub was asked
                rows = completed(rows, meanwhile.rows, source=self._place.address)
            listing = _Listing(time.time(), rows)
            self._memory.keep_listing(self._place.owner, listing.to_bytes())
        return listing

    def _line(self, model: dict[str, Any]) -> CatalogLine | None:
        """The line in a card; cards are written by people, so one that is broken is passed over."""
        repository = str(model.get("id"))
        name = self._place.adapter(repository)
        if name is None:
            return None
        try:
            line = line_in(model.get("cardData"), source=f"card of `{repository}`")
        except SchemaError as error:
            _log.warning("%s; it is left out of the list", error.message)
            return None
        return line if line is not None and line.name == name else None


def _models(owner: str) -> Iterator[dict[str, Any]]:
    """The owner's repositories with the tag, as the Hub describes them.

    The same request as `HfApi.list_models` makes, which would wait half a minute where the Hub was asked too often.

    Raises:
        NotFound: this endpoint has no lists.
        AuthProblem, NetworkProblem: as `hub_errors`.
    """
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    url = f"{hub_endpoint()}/api/models"
    asked: dict[str, Any] = {"params": {"author": owner, "filter": TAG, "cardData": "true", "limit": _PAGE}}
    for _ in range(_MOST_PAGES):
        with hub_errors(owner, "main", otherwise="name the adapter in full: `mivactl info OWNER/NAME`"):
            answer = hub_session().get(url, headers=hub_headers(), **asked)
            if answer.status_code not in {404, 405}:
                hf_raise_for_status(answer)
        is_json = "json" in answer.headers.get("Content-Type", "")
        models = answer.json() if is_json and answer.status_code == 200 else None
        if not isinstance(models, list):
            raise NotFound(f"`{hub_endpoint()}` has no lists of repositories")
        yield from (model for model in models if isinstance(model, dict))
        url, asked = answer.links.get("next", {}).get("url", ""), {}
        # the token is for this server alone
        if not url.startswith(f"{hub_endpoint()}/"):
            return

"""An object store as a byte source, through fsspec: S3 first, and whatever else it has a driver for.

S3 compares before it writes (`If-Match`, `If-None-Match: *`), so that of several writers exactly one wins. Other stores
are written without that; then `compares` is false.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from mivactl.content import chunks_of, content_of_file
from mivactl.registry.byte_source import SourceChanged, Stored, Token
from registry_schema.digests import Digest
from registry_schema.errors import AuthProblem, IntegrityProblem, MivaError, NetworkProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.content import Content

_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchBucket", "404"})
_REFUSED: Final = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_EMPTY: Final = frozenset({"InvalidRange", "416"})


class ObjectStoreSource:
    """The objects below an address, `s3://bucket/adapters`.

    Credentials are those of the store's own tools (for S3: the environment, `~/.aws`), never part of the address.
    """

    resumes = True

    def __init__(self, place: str) -> None:
        self._place = place
        self._opened: tuple[Any, str] | None = None

    @property
    def place(self) -> str:
        """The address."""
        return self._place

    @property
    def compares(self) -> bool:
        """See `WritableSource`: S3 alone does."""
        return self._place.startswith("s3://")

    def paths(self, folder: str) -> Iterator[str]:
        """See `ListingSource`."""
        store, root = self._store()
        with _store_errors(self._place):
            store.invalidate_cache()
            found = sorted(store.find(f"{root}/{folder}"))
        return (path.removeprefix(f"{root}/") for path in found)

    def read(self, path: str, *, max_bytes: int) -> Stored | None:
        """See `ByteSource`."""
        store, root = self._store()
        try:
            with _store_errors(self._place):
                if self.compares:
                    return _read_s3(store, f"{root}/{path}", max_bytes)
                content = store.cat_file(f"{root}/{path}", start=0, end=max_bytes + 1)
        except FileNotFoundError:
            return None
        return Stored(content, Token(str(Digest.of(content))))

    @contextmanager
    def open(self, path: str, *, offset_bytes: int = 0) -> Iterator[BinaryIO]:
        """See `ByteSource`."""
        store, root = self._store()
        with _store_errors(self._place):
            file = store.open(f"{root}/{path}", "rb")
            file.seek(offset_bytes)
        with file:
            yield file

    def holds(self, path: str, size_bytes: int) -> bool:
        """See `WritableSource`."""
        store, root = self._store()
        with _store_errors(self._place):
            try:
                return bool(store.info(f"{root}/{path}")["size"] == size_bytes)
            except FileNotFoundError:
                return False

    def create(self, path: str, content: Content, file: Path) -> None:
        """See `WritableSource`; an object of the right size is taken to be the right one, for nobody may change it."""
        if content_of_file(file, content.label).digest != content.digest:
            raise IntegrityProblem(f"{content.label} changed while it was published", hint="run it again")
        if self.holds(path, content.size_bytes):
            return
        store, root = self._store()
        with _store_errors(self._place), file.open("rb") as source, store.open(f"{root}/{path}", "wb") as sink:
            for chunk in chunks_of(source):
                sink.write(chunk)

    def replace(self, path: str, content: bytes, *, over: Token | None) -> None:
        """See `WritableSource`."""
        store, root = self._store()
        if self.compares:
            bucket, key = f"{root}/{path}".split("/", 1)
            condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": str(over)}
            with _store_errors(self._place):
                store.call_s3("put_object", Bucket=bucket, Key=key, Body=content, **condition)
            return
        present = self.read(path, max_bytes=len(content) + (1 << 26))
        if (None if present is None else present.token) != over:
            raise SourceChanged
        with _store_errors(self._place):
            store.pipe_file(f"{root}/{path}", content)

    def _store(self) -> tuple[Any, str]:
        if self._opened is None:
            from fsspec.core import url_to_fs

            try:
                # What was listed may be gone a moment later; nothing here is asked often enough to need a cache.
                store, root = url_to_fs(self._place, use_listings_cache=False)
            except ImportError as error:
                scheme = self._place.partition("://")[0]
                raise UsageProblem(
                    f"`{self._place}` needs a driver for `{scheme}`: {error}",
                    hint="run `pip install 'mivactl[s3]'`" if scheme == "s3" else "install the driver it names",
                ) from error
            self._opened = store, root.rstrip("/")
        return self._opened


def _read_s3(store: Any, path: str, max_bytes: int) -> Stored:  # noqa: ANN401
    """The start of an object with its ETag, in one answer: two would not have to be of one state."""
    from fsspec.asyn import sync

    bucket, key = path.split("/", 1)
    try:
        answer = store.call_s3("get_object", Bucket=bucket, Key=key, Range=f"bytes=0-{max_bytes}")
    except Exception as error:
        if _code(error) not in _EMPTY:
            raise
        # No range can be had of an object without bytes.
        answer = store.call_s3("get_object", Bucket=bucket, Key=key)
    return Stored(bytes(sync(store.loop, answer["Body"].read)), Token(answer["ETag"]))


@contextmanager
def _store_errors(place: str) -> Iterator[None]:
    """Turn what a store says into an error a person can act on.

    Raises:
        FileNotFoundError, SourceChanged: for the caller to decide about.
        AuthProblem, NetworkProblem: see each case.
    """
    try:
        yield
    except (FileNotFoundError, MivaError):
        raise
    except Exception as error:
        raise _explained(error, place) from error


def _explained(error: Exception, place: str) -> Exception:
    code = _code(error)
    if code in _CHANGED:
        return SourceChanged()
    if code in _MISSING:
        return FileNotFoundError(place)
    if isinstance(error, PermissionError) or code in _REFUSED:
        return AuthProblem(
            f"`{place}` refused: {code or error}", hint="look at the credentials of the store's own tools"
        )
    if isinstance(error, OSError) and not code and not isinstance(error, ConnectionError | TimeoutError):
        return error
    return NetworkProblem(
        f"`{place}` can not be used: {type(error).__name__}: {error}", hint="look at the connection and run it again"
    )


def _code(error: Exception) -> str:
    """What S3 called it; s3fs hides the answer behind the errors of a file system."""
    answers = (getattr(shown, "response", None) for shown in (error, error.__cause__))
    found = next((answer for answer in answers if isinstance(answer, dict)), {})
    return str(found.get("Error", {}).get("Code", ""))

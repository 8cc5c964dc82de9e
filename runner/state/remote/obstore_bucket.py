"""The object store behind a state: objects by name, conditional writes, and its errors said as StateError.

Everything here is about bytes under names; what they mean is the business of `control` and `remote`. Credentials,
regions and endpoints come from the environment, by the names that each cloud gives them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from runner.core.errors import HeadcountError, StateError, UsageError, requires_extra
from runner.object_stores.store_answers import code_of, is_final, refused_http
from runner.state.remote.encryption import CHUNK, Sealing
from runner.state.remote.object_store import Listed, ListedVersion, Outdated, Stored, Unanswered, Version
from runner.state.remote.s3_versions import SCHEME, noncurrent, shown_endpoint

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")
_SMALL = 8 * CHUNK
"""Up to this many bytes an object is written in one call."""

_ACCESS = "check the credentials of the object store in the environment, and what they may do in this bucket"
_HTTP = (
    "name an https:// endpoint; for a store on this machine set AWS_ALLOW_HTTP=true (AZURE_ALLOW_HTTP=true for az://)"
)
_REACH = "check the network and the endpoint, then run again: nothing that was recorded is lost"


class ObstoreBucket:
    """Implements ObjectStore with obstore. Opens no connection before it is used."""

    def __init__(self, location: str, sealing: Sealing) -> None:
        """Raises UsageError for a location that cannot be one, or when the library is not installed."""
        self.location = location.rstrip("/")
        self.sealing = sealing
        self._store = _opened(self.location)

    def read(self, name: str) -> Stored | None:
        import obstore

        def fetch() -> Stored | None:
            try:
                found = obstore.get(self._store, name)
                data = bytes(found.bytes())
            except FileNotFoundError:
                return None
            meta = found.meta
            content = b"".join(self.sealing.open(name, [data]))
            return Stored(content, Version(meta.get("e_tag"), meta.get("version")), meta["last_modified"])

        return self._called(fetch)

    def look(self, name: str) -> tuple[Version, datetime] | None:
        import obstore

        try:
            meta = self._called(lambda: obstore.head(self._store, name))
        except _NoSuchObject:
            return None
        return Version(meta.get("e_tag"), meta.get("version")), meta["last_modified"]

    def create(self, name: str, content: bytes) -> Version:
        return self._put(name, content, "create")

    def replace(self, name: str, content: bytes, expected: Version) -> Version:
        return self._put(name, content, expected.condition)

    def _put(self, name: str, content: bytes, mode: Any) -> Version:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        def put() -> Version:
            sealed = b"".join(self.sealing.seal(name, [content]))
            try:
                result = obstore.put(self._store, name, sealed, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                raise Outdated(name) from None
            return Version(result["e_tag"], result["version"])

        return self._called(put)

    def upload(self, name: str, path: Path) -> None:
        import obstore

        def put() -> None:
            with path.open("rb") as file:
                sealed = self.sealing.seal(name, iter(lambda: file.read(CHUNK), b""))
                if path.stat().st_size <= _SMALL:
                    obstore.put(self._store, name, b"".join(sealed), use_multipart=False)
                else:
                    obstore.put(self._store, name, sealed)

        self._called(put)

    def download(self, name: str, hint: str, version: str | None = None) -> Iterator[bytes]:
        import obstore

        options: Any = None if version is None else {"version": version}
        try:
            found = self._called(lambda: obstore.get(self._store, name, options=options))
            stream = self._called(lambda: found.stream(min_chunk_size=CHUNK))
        except _NoSuchObject:
            raise StateError(f"{self.location}/{name} is missing", hint) from None
        yield from self.sealing.open(name, self._streamed(iter(stream)))

    def _streamed(self, stream: Iterator[Any]) -> Iterator[bytes]:
        while (part := self._called(lambda: next(stream, None))) is not None:
            yield bytes(part)

    def listed(self, prefix: str) -> Iterator[Listed]:
        import obstore

        pages = iter(obstore.list(self._store, prefix=prefix))
        while (page := self._called(lambda: next(pages, None))) is not None:
            for found in page:
                yield Listed(found["path"], found["size"], found["last_modified"])

    def delete(self, names: Iterable[str]) -> None:
        import obstore

        chosen = list(names)
        if chosen:
            try:
                self._called(lambda: obstore.delete(self._store, chosen))
            except _NoSuchObject:
                return

    def noncurrent(self, prefix: str) -> Iterator[ListedVersion]:
        if not self.location.startswith(SCHEME):
            what = "they can be listed in a store with S3's API only"
            raise HeadcountError(what, "list them with the store's own tools")
        return noncurrent(self.location, prefix, os.environ)

    @property
    def endpoint(self) -> str:
        return shown_endpoint(os.environ) if self.location.startswith(SCHEME) else ""

    def keeps_versions(self) -> bool | None:
        if not self.location.startswith(SCHEME):
            return None  # there, a store's answer to a write does not say it, or deleted objects stay for a while
        name = f"probes/{uuid4().hex}"
        written = self._put(name, b"", "overwrite")
        self.delete([name])
        return written.version is not None

    def now(self) -> datetime:
        import obstore

        name = f"probes/{uuid4().hex}"

        def ask() -> datetime:
            obstore.put(self._store, name, b"", use_multipart=False)
            return obstore.head(self._store, name)["last_modified"]

        moment = self._called(ask)
        self.delete([name])
        return moment

    def _called(self, call: Callable[[], T]) -> T:
        """The answer of a call, its errors without what the store says of keys, signatures and addresses."""
        from obstore import exceptions

        try:
            return call()
        except FileNotFoundError as error:
            if code_of(error) == "NoSuchBucket":
                raise self._no_bucket() from None
            raise _NoSuchObject(f"{self.location} lacks an object", _REACH) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise StateError(f"{self.location} cannot be used: access is denied ({code_of(error)})", _ACCESS) from None
        except (exceptions.BaseError, OSError) as error:
            code = code_of(error)
            if code == "NoSuchBucket":
                raise self._no_bucket() from None
            if refused_http(error):
                raise StateError(
                    f"{self.location} cannot be used: its endpoint is http://, not https://", _HTTP
                ) from None
            if is_final(code):
                raise StateError(f"{self.location} cannot be used: the store answered {code}", _ACCESS) from None
            raise Unanswered(f"{self.location} cannot be reached: {code}", _REACH) from None

    def _no_bucket(self) -> StateError:
        return StateError(f"{self.location} does not exist", "create the bucket, or name another one")


class _NoSuchObject(StateError):
    """There is no object of that name."""


def _opened(location: str) -> ObjectStore:
    with requires_extra("remote", "a state in a bucket", UsageError):
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    retries: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}
    try:
        return from_url(location, retry_config=retries)
    except (BaseError, ValueError):
        what = "it is no address of a bucket"
        raise UsageError(f"the state cannot be kept at {location}: {what}", "for example s3://bucket/prefix") from None

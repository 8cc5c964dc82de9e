"""Listing and reading objects with obstore, by the credentials, regions and endpoints of the clouds' own variables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from runner.object_stores.addresses import Matcher, Pattern, split, taken_apart
from runner.object_stores.interface import MOST_OBJECTS, RemoteObject, StoreFault, Why
from runner.object_stores.store_answers import code_of, is_final, lacked_credentials, refused_http

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_RETRIES: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=20)}


class BucketReader:
    """Objects of any bucket, read as they were listed. Opens no connection before it is used; of one event loop."""

    def __init__(self) -> None:
        self._stores: dict[str, ObjectStore] = {}

    async def listed(self, url: str) -> tuple[RemoteObject, ...]:
        """The objects that a pattern means, by name. Raises StoreFault."""
        pattern = taken_apart(url)
        store = self._store(pattern.bucket, url)
        try:
            if not pattern.wild:
                return await self._one(store, pattern)
            matcher, skipped = Matcher(pattern.wild), len(pattern.fixed)
            found, looked_at = [], 0
            async for meta in _all(store, pattern.prefix):
                looked_at += 1
                if looked_at > MOST_OBJECTS:
                    raise StoreFault(Why.TOO_MANY, url)
                if matcher.fits(meta["path"].split("/")[skipped:]):
                    found.append(_as_listed(pattern.bucket, meta))
        except (StoreFault, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 (obstore's classes differ by store)
            raise _fault(error, url) from None
        return tuple(sorted(found, key=lambda one: one.url))

    async def _one(self, store: ObjectStore, pattern: Pattern) -> tuple[RemoteObject, ...]:
        import obstore

        try:
            return (_as_listed(pattern.bucket, await obstore.head_async(store, pattern.prefix)),)
        except FileNotFoundError:
            return ()

    async def part(self, one: RemoteObject, at: int, size: int) -> memoryview:
        """So many bytes of an object from a position on, which must be within it. Raises StoreFault."""
        import obstore

        bucket, key = split(one.url)
        options: Any = {"range": (at, at + size), "if_match": f'"{one.e_tag}"'}
        try:
            answer = await obstore.get_async(self._store(bucket, one.url), key, options=options)
            content = memoryview(await answer.bytes_async())
        except StoreFault:
            raise
        except Exception as error:  # noqa: BLE001 (obstore's classes differ by store)
            raise _read_fault(error, one.url) from None
        if _tag(answer.meta) != one.e_tag or len(content) != size:
            raise StoreFault(Why.CHANGED, one.url)
        return content

    def _store(self, bucket: str, url: str) -> ObjectStore:
        """Raises StoreFault."""
        if bucket in self._stores:
            return self._stores[bucket]
        for package in ("obstore", "fsspec"):
            if find_spec(package) is None:
                raise StoreFault(Why.NOT_INSTALLED, url, package)
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        try:
            return self._stores.setdefault(bucket, from_url(bucket, retry_config=_RETRIES))
        except (BaseError, ValueError, OSError):
            raise StoreFault(Why.NO_SETTINGS, url) from None


async def _all(store: ObjectStore, prefix: str) -> AsyncIterator[Mapping[str, Any]]:
    import obstore

    async for page in obstore.list(store, prefix=prefix or None):
        for meta in page:
            yield meta


def _as_listed(bucket: str, meta: Mapping[str, Any]) -> RemoteObject:
    return RemoteObject(f"{bucket}/{meta['path']}", meta["size"], _tag(meta))


def _tag(meta: Mapping[str, Any]) -> str:
    """An ETag without its quotes: Azure's listing has none, its other answers have some."""
    return str(meta.get("e_tag") or "").removeprefix("W/").strip('"')


def _read_fault(error: Exception, url: str) -> StoreFault:
    """Why a part of an object was not given: one that was listed and is gone has changed."""
    from obstore.exceptions import PreconditionError

    fault = _fault(error, url)
    gone = isinstance(error, FileNotFoundError) and fault.why is not Why.NO_BUCKET
    return StoreFault(Why.CHANGED, url) if gone or isinstance(error, PreconditionError) else fault


def _fault(error: Exception, url: str) -> StoreFault:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    code = code_of(error)
    if code == "NoSuchBucket":
        return StoreFault(Why.NO_BUCKET, url)
    if lacked_credentials(error):
        return StoreFault(Why.NO_CREDENTIALS, url)
    if refused_http(error):
        return StoreFault(Why.NOT_ENCRYPTED, url)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return StoreFault(Why.DENIED, url, code)
    return StoreFault(Why.REFUSED if is_final(code) else Why.UNREACHABLE, url, code)

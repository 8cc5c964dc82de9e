"""An object store with S3's API on loopback, conditional writes included, and faults on request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Fault = Callable[[str, str], str]
"""What becomes of a call, by its method and the object's name: "" (answered), "refused" (503, without effect),
"lost" (503, though it took effect), "denied" (403)."""


@dataclass
class ObjectStore:
    """A running store: its address, the calls that were made, the objects and bytes that were sent, and the fault that
    the next calls meet."""

    url: str
    calls: list[tuple[str, str]] = field(default_factory=list)
    sent: list[tuple[str, int]] = field(default_factory=list)
    fault: Fault = lambda method, name: ""
    uploaded: int = 0
    """Bytes of what was written."""
    denies_lists: bool = False

    def make_bucket(self, name: str) -> str:
        requests.put(f"{self.url}/{name}").raise_for_status()
        return f"s3://{name}/project"

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-object-store",
            "AWS_REGION": "eu-west-3",
        }

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every object of a bucket with its content."""
        store = self._client(bucket)
        names = [found["path"] for page in store.list() for found in page]
        return {name: bytes(store.get(name).bytes()) for name in names}

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self._client(bucket).put(name, content)

    def put_many(self, bucket: str, contents: Mapping[str, bytes]) -> None:
        """Many objects at once, without a call for each."""
        backends = [backend for partition in s3_backends.values() for backend in partition.values()]
        owner = next(backend for backend in backends if bucket in backend.buckets)
        for name, content in contents.items():
            owner.put_object(bucket, name, content)

    def keep_versions(self, bucket: str) -> None:
        """From now on the bucket keeps older versions of its objects, those of deleted ones included."""
        self._versioning(bucket, "Enabled")

    def suspend_versions(self, bucket: str) -> None:
        """From now on the bucket makes no older versions, and still has those that it made."""
        self._versioning(bucket, "Suspended")

    def _versioning(self, bucket: str, status: str) -> None:
        wanted = f'<VersioningConfiguration xmlns="{NAMESPACE}"><Status>{status}</Status></VersioningConfiguration>'
        requests.put(f"{self.url}/{bucket}?versioning", data=wanted).raise_for_status()

    def delete_version(self, bucket: str, name: str, version: str) -> None:
        """Remove an older version for good."""
        requests.delete(f"{self.url}/{bucket}/{name}", params={"versionId": version}).raise_for_status()

    def versions_with(self, bucket: str, needle: bytes) -> list[str]:
        """The names of the versions of objects, old or current, in which these bytes are."""
        backends = [backend for partition in s3_backends.values() for backend in partition.values()]
        owner = next(backend for backend in backends if bucket in backend.buckets)
        every = owner.buckets[bucket].keys.lists()
        return [name for name, keys in every for key in keys if needle in getattr(key, "value", b"")]

    @contextmanager
    def denying_lists(self) -> Iterator[None]:
        """Nobody may list older versions."""
        self.denies_lists = True
        try:
            yield
        finally:
            self.denies_lists = False

    def delete(self, bucket: str, name: str) -> None:
        self._client(bucket).delete(name)

    def let_pass(self, seconds: float) -> None:
        """As if so much time had passed since each object was written."""
        for partition in s3_backends.values():
            for backend in partition.values():
                for bucket in backend.buckets.values():
                    for key in bucket.keys.values():
                        key.last_modified -= timedelta(seconds=seconds)

    def _client(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.url,
            client_options={"allow_http": True},
            access_key_id="someone",
            secret_access_key="anything",
            region="eu-west-3",
        )

    def written(self) -> list[str]:
        """The names of the objects that were written, in order."""
        return [name for method, name in self.calls if method in ("PUT", "POST")]

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        self.fault = fault
        try:
            yield
        finally:
            self.fault = lambda method, name: ""


@contextmanager
def running_store() -> Iterator[ObjectStore]:
    """A store that runs in this process until the block ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = ObjectStore(f"http://{host}:{port}")
    server._server.app = _watched(server._server.app, store)
    try:
        yield store
    finally:
        server.stop()


def _watched(app: Any, store: ObjectStore) -> Any:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if store.denies_lists and "versions" in environ["QUERY_STRING"].split("&"):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>not for someone</Message></Error>"]
        name = path.split("/project/", 1)[-1] if "/project/" in path else ""
        if not name:
            return app(environ, start_response)
        store.calls.append((method, name))
        store.uploaded += int(environ.get("CONTENT_LENGTH") or 0)
        fate = store.fault(method, name)
        if not fate:
            answered = b"".join(app(environ, start_response))
            if method == "GET":
                store.sent.append((name, len(answered)))
            return [answered]
        if fate == "denied":
            start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
        if fate == "lost":
            b"".join(app(environ, lambda *_: lambda _data: None))
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("503 Slow Down", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]

    return answer

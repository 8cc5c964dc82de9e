"""A stand-in for Google Cloud Storage and Azure Blob Storage on loopback: lists one bucket, gives parts of objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

DATE = "Sat, 28 Nov 2026 12:00:00 GMT"
GOOGLE = "<Contents><Key>{name}</Key><LastModified>2026-11-28T12:00:00Z</LastModified><ETag>&quot;{size}&quot;</ETag>"
GOOGLE += "<Size>{size}</Size></Contents>"
AZURE = f"<Blob><Name>{{name}}</Name><Properties><Last-Modified>{DATE}</Last-Modified><Etag>{{size}}</Etag>"
AZURE += "<Content-Length>{size}</Content-Length><Content-Type>text/csv</Content-Type></Properties></Blob>"


def listed(query: str, objects: Mapping[str, bytes]) -> bytes:
    """The listing that a query asks for, in the language that it asks in."""
    entry, page = (AZURE, "<EnumerationResults><Blobs>{}</Blobs></EnumerationResults>")
    if "list-type=2" in query:
        entry, page = GOOGLE, "<ListBucketResult>{}</ListBucketResult>"
    entries = (entry.format(name=name, size=len(content)) for name, content in objects.items())
    return page.format("".join(entries)).encode()


@contextmanager
def running_cloud(bucket: str, objects: Mapping[str, bytes]) -> Iterator[str]:
    """A server that speaks both languages, until the block ends; its address. ETags are sizes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            name = unquote(path).partition(f"/{bucket}")[2].lstrip("/")
            if query:
                self._answer(200, listed(query, objects))
            elif name in objects:
                self._answer_part(objects[name])
            else:
                self._answer(404, b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer_part(self, content: bytes) -> None:
            tag = f'"{len(content)}"'
            if self.headers["If-Match"] not in (None, tag):
                self._answer(412, b"")
                return
            first, last = map(int, (self.headers.get("Range") or self.headers["x-ms-range"])[6:].split("-"))
            span = f"bytes {first}-{last}/{len(content)}"
            self._answer(206, content[first : last + 1], {"ETag": tag, "Content-Range": span})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Last-Modified": DATE, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

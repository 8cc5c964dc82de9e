"""A Criteo on another machine, as far as a client can tell: its calls go to an address of this one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

FAR_AWAY = "https://criteo.example"


@dataclass
class FarAway:
    """Where its calls go to: `url`, which may change between two of them."""

    url: str

    def session(self) -> requests.Session:
        """For `Transport`."""
        session = requests.Session()
        session.mount(FAR_AWAY, _Adapter(self))
        return session


class _Adapter(HTTPAdapter):
    def __init__(self, far: FarAway) -> None:
        super().__init__()
        self.far = far

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        assert request.url is not None
        request.url = request.url.replace(FAR_AWAY, self.far.url)
        return super().send(request, **{**options, "proxies": {}})


@contextmanager
def refusing() -> Iterator[str]:
    """An address of this machine where every connection is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"

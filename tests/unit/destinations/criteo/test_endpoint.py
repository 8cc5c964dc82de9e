"""Where Criteo is: what CRITEO_API_URL and CRITEO_API_VERSION may be."""

from __future__ import annotations

import pytest

from runner.core.errors import UsageError
from runner.destinations.criteo.endpoint import ApiEndpoint, endpoint_of


def test_it_is_criteos_production_api_unless_the_environment_says_otherwise() -> None:
    assert endpoint_of({}) == ApiEndpoint("https://api.criteo.com", "2026-07", loopback=False)
    assert endpoint_of({"CRITEO_API_URL": "", "CRITEO_API_VERSION": ""}) == endpoint_of({})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_http_is_fine_on_this_machine(host: str) -> None:
    assert endpoint_of({"CRITEO_API_URL": f"http://{host}:8787/"}) == ApiEndpoint(
        f"http://{host}:8787", "2026-07", True
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://api.criteo.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
    ],
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="in clear"):
        endpoint_of({"CRITEO_API_URL": url})


@pytest.mark.parametrize(
    "url",
    [
        "api.criteo.com",
        "ftp://api.criteo.com",
        "https://",
        "https://user:word@api.criteo.com",
        "https://api.criteo.com?x=1",
        "https://api.criteo.com#x",
        "https://api.criteo.com:99999",
        "https://api.criteo.com:port",
        "https://[::1",
        "https://api.cri teo.com",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="CRITEO_API_URL") as caught:
        endpoint_of({"CRITEO_API_URL": url})
    assert "word" not in caught.value.message + caught.value.hint.replace("password", "")


@pytest.mark.parametrize("version", ["2026-07/x", "../oauth2", "2026 07", "-", "?"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match="CRITEO_API_VERSION"):
        endpoint_of({"CRITEO_API_VERSION": version})


def test_another_version_is_taken() -> None:
    assert endpoint_of({"CRITEO_API_VERSION": "preview"}).version == "preview"


def test_scheme_and_host_have_no_case() -> None:
    assert endpoint_of({"CRITEO_API_URL": "HTTP://LocalHost:8787/Path"}).url == "http://localhost:8787/Path"

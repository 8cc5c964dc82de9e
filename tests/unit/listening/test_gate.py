"""Who is answered: by the Host that a request names, and by what a browser says of where it comes from."""

from __future__ import annotations

import pytest

from runner.listening.gate import is_foreign, is_named

LOCAL = "127.0.0.1:8787"


@pytest.mark.parametrize(
    "host",
    [None, LOCAL, "127.0.0.1", "localhost:8787", "LOCALHOST", "localhost.", "[::1]:8787", "10.1.2.3:9464", "box:1"],
)
def test_names_of_this_machine_are_answered(host: str | None) -> None:
    assert is_named(host, {"box"})


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8787", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "a@evil:1"],
)
def test_any_other_name_is_refused(host: str) -> None:
    assert not is_named(host, {"box"})


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "something new"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-origin"},
    ],
)
def test_what_another_website_causes_is_foreign(headers: dict[str, str]) -> None:
    assert is_foreign({"host": LOCAL, **headers})


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin", "origin": f"http://{LOCAL}"}, {"sec-fetch-site": "none"}]
)
def test_a_program_and_a_page_of_the_server_itself_are_not_foreign(headers: dict[str, str]) -> None:
    assert not is_foreign({"host": LOCAL, **headers})

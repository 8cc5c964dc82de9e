from __future__ import annotations

import socket

import pytest

from runner.core.errors import HeadcountError
from runner.listening import listen, url_of


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_any_free_port_is_named_in_the_url() -> None:
    with listen("127.0.0.1", 0, name="serve") as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with listen("127.0.0.1", 0, name="serve") as first:
        port = first.getsockname()[1]
        with pytest.raises(HeadcountError) as refused:
            listen("127.0.0.1", port, name="the sandbox")
    assert refused.value.message == f"the sandbox cannot listen on 127.0.0.1:{port}: Address already in use"
    assert refused.value.hint == "choose another --port"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    with listen("::1", 0, name="serve") as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://[::1]:{port}"
        with pytest.raises(HeadcountError, match=rf"serve cannot listen on \[::1\]:{port}: "):
            listen("::1", port, name="serve")

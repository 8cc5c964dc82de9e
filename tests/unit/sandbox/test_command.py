"""What the options of `headcount sandbox` come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runner.cli.commands.sandbox import sandbox
from runner.core.errors import UsageError
from runner.sandbox import Advertiser, App, Retailer, RetailMediaAccount, SandboxOptions

Options = Callable[..., SandboxOptions]


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Options:
    """The options that the command would serve with; it says what it says when the sandbox is up."""
    served: list[SandboxOptions] = []

    def serve(options: SandboxOptions, port: int, on_ready: Callable[[str], None], **more: Any) -> None:
        served.append(options)
        on_ready(f"http://127.0.0.1:{port}")

    monkeypatch.setattr("runner.sandbox.serve", serve)

    def run(**given: Any) -> SandboxOptions:
        sandbox(**given)
        return served[-1]

    return run


def test_the_default_is_one_app_for_both_services(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    assert options().apps == (App("sandbox", "sandbox", ("12345", "67890"), ("555",)),)
    assert capsys.readouterr().out.splitlines() == [
        "The sandbox listens on http://127.0.0.1:8787",
        "  client id sandbox may use the advertisers 12345, 67890",
        "  client id sandbox may use the retail media account 555 with retailer 12",
        "  point Headcount at it with CRITEO_API_URL=http://127.0.0.1:8787",
    ]


def test_a_client_names_its_advertisers_and_accounts(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    made = options(client=["one:s1:12345,7", "two:s2::555,8", "three:s3:7:8"])
    assert made.apps == (
        App("one", "s1", ("12345", "7")),
        App("two", "s2", (), ("555", "8")),
        App("three", "s3", ("7",), ("8",)),
    )
    greenway = (Retailer("12", "Greenway Market"),)
    assert made.advertisers == (Advertiser("12345", "Maison Lavande"), Advertiser("7", "Advertiser 7"))
    assert made.accounts == (
        RetailMediaAccount("555", "Larkspur Foods", greenway),
        RetailMediaAccount("8", "Account 8", greenway),
    )
    assert "client id two may use the advertisers" not in capsys.readouterr().out


def test_retailers_are_those_of_every_account(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    made = options(client=["two:s2::555,8"], retailer=["12", "77"])
    retailers = (Retailer("12", "Greenway Market"), Retailer("77", "Retailer 77"))
    assert {account.retailers for account in made.accounts} == {retailers}
    assert "account 8 with retailer 12, 77" in capsys.readouterr().out


@pytest.mark.parametrize("client", ["me", "me:secret", "me:secret:", "me::12345", ":secret:1", "a:b:1:2:3", "a:b::"])
def test_a_client_that_is_not_whole_is_refused_without_its_secret(options: Options, client: str) -> None:
    with pytest.raises(UsageError, match="is not ID:SECRET:ADVERTISER") as refused:
        options(client=[client])
    assert "secret:" not in refused.value.message.partition(" is not ")[0]

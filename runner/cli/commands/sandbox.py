"""`sandbox`: a local stand-in for Criteo's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli.console import show_line, tell
from runner.core.errors import UsageError
from runner.quick_dataclass import replace
from runner.reports.escape import printable

if TYPE_CHECKING:
    from runner.sandbox import App, SandboxOptions

LONGEST_PATH = 200


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on the loopback interface; 0 takes any.")] = 8787,
    client: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID:SECRET:ADVERTISER[,ADVERTISER][:ACCOUNT[,ACCOUNT]]",
            help="Accept these credentials instead of sandbox:sandbox:12345,67890:555; repeatable.",
        ),
    ] = None,
    retailer: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A retailer of every retail media account, instead of 12; repeatable."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep audiences and their members in this file.")
    ] = None,
    count_only: Annotated[bool, typer.Option("--count-only", help="Count identifiers and keep none.")] = False,
    rate_limit: Annotated[int, typer.Option(min=0, help="Calls per minute and client id; 0: no limit.")] = 250,
    token_life: Annotated[int, typer.Option(min=1, help="Seconds until a token expires.")] = 900,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RATE",
            help="Let calls fail by chance: 429, 503, html, drop-before, drop-after, ...; repeatable.",
        ),
    ] = None,
    fault_seed: Annotated[int, typer.Option(help="Begins the sequence of chance faults.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no line for each call.")] = False,
) -> None:
    """Run a local stand-in for Criteo's API until Ctrl-C. Knows made-up people only; not for the internet."""
    import secrets

    from runner.sandbox import SandboxOptions, serve

    options = SandboxOptions(
        data_file=data,
        count_only=count_only,
        rate_limit=rate_limit,
        token_life=token_life,
        faults=_rates(fault or []),
        fault_seed=fault_seed,
        # A sandbox that forgot its audiences must not give their ids to others, which old states would take for theirs.
        first_id=1_000_000 + secrets.randbelow(1_000_000) * 1_000,
    )
    if client:
        options = _with_clients(options, client)
    if retailer:
        options = _with_retailers(options, retailer)
    serve(options, port, _announce(options), on_answer=None if quiet else _show_answer)


def _show_answer(method: str, path: str, status: int | None, seconds: float) -> None:
    """One line for a call: no query, no body, and so no identifier and no token."""
    shown = path if len(path) <= LONGEST_PATH else path[:LONGEST_PATH] + "..."
    tell(f"{printable(method)} {printable(shown)} {status or 'no answer'} {seconds * 1000:.0f} ms\n")


def _announce(options: SandboxOptions) -> Callable[[str], None]:
    def ready(url: str) -> None:
        show_line(f"The sandbox listens on {url}")
        for app in options.apps:
            for owners in _usable(options, app):
                show_line(f"  client id {app.client_id} may use the {owners}")
        show_line(f"  point Headcount at it with CRITEO_API_URL={url}")

    return ready


def _usable(options: SandboxOptions, app: App) -> Iterator[str]:
    if app.advertisers:
        yield f"advertisers {', '.join(app.advertisers)}"
    for account in options.accounts:
        if account.id in app.accounts:
            retailers = ", ".join(retailer.id for retailer in account.retailers)
            yield f"retail media account {account.id} with retailer {retailers}"


def _rates(pairs: list[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, _, rate = pair.partition("=")
        try:
            found[name] = float(rate)
        except ValueError:
            raise UsageError(f'--fault "{pair}" is not NAME=RATE', "write --fault 503=0.05") from None
    return found


def _with_clients(options: SandboxOptions, clients: list[str]) -> SandboxOptions:
    from runner.sandbox import Advertiser, RetailMediaAccount

    apps = tuple(_app(text) for text in clients)
    known = {advertiser.id: advertiser for advertiser in options.advertisers}
    numbers = sorted({number for app in apps for number in app.advertisers})
    advertisers = tuple(known.get(number, Advertiser(number, f"Advertiser {number}")) for number in numbers)
    accounts_known = {account.id: account for account in options.accounts}
    retailers = options.accounts[0].retailers
    numbers = sorted({number for app in apps for number in app.accounts})
    accounts = tuple(
        accounts_known.get(number, RetailMediaAccount(number, f"Account {number}", retailers)) for number in numbers
    )
    return replace(options, apps=apps, advertisers=advertisers, accounts=accounts)


def _app(text: str) -> App:
    from runner.sandbox import App

    client_id, *rest = text.split(":")
    if len(rest) == 2:
        rest.append("")
    if len(rest) != 3 or not (client_id and rest[0] and (rest[1] or rest[2])):
        raise UsageError(f'--client "{client_id}:..." is not ID:SECRET:ADVERTISER', "write --client me:secret:12345")
    secret, advertisers, accounts = rest
    return App(client_id, secret, _numbers(advertisers), _numbers(accounts))


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _with_retailers(options: SandboxOptions, numbers: list[str]) -> SandboxOptions:
    from runner.sandbox import Retailer

    known = {retailer.id: retailer for account in options.accounts for retailer in account.retailers}
    retailers = tuple(known.get(number, Retailer(number, f"Retailer {number}")) for number in numbers)
    return replace(options, accounts=tuple(replace(account, retailers=retailers) for account in options.accounts))

"""`sandbox`: a local stand-in for Criteo's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.sandbox import SandboxOptions


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on the loopback interface; 0 takes any.")] = 8787,
    client: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID:SECRET:ADVERTISER[,ADVERTISER]",
            help="Accept these credentials instead of sandbox:sandbox:12345,67890; repeatable.",
        ),
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
    serve(options, port, _announce(options))


def _announce(options: SandboxOptions) -> Callable[[str], None]:
    def ready(url: str) -> None:
        typer.echo(f"The sandbox listens on {url}")
        for app in options.apps:
            typer.echo(f"  client id {app.client_id} may use the advertisers {', '.join(app.advertisers)}")
        typer.echo(f"  point Headcount at it with CRITEO_API_URL={url}")

    return ready


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
    from runner.sandbox import Advertiser, App

    apps = []
    for text in clients:
        parts = text.split(":")
        if len(parts) != 3 or not all(parts):
            raise UsageError(f'--client "{parts[0]}:..." is not ID:SECRET:ADVERTISER', "write --client me:secret:12345")
        apps.append(App(parts[0], parts[1], tuple(parts[2].split(","))))
    known = {advertiser.id: advertiser for advertiser in options.advertisers}
    named = {number for app in apps for number in app.advertisers}
    advertisers = tuple(known.get(number, Advertiser(number, f"Advertiser {number}")) for number in sorted(named))
    return replace(options, apps=tuple(apps), advertisers=advertisers)

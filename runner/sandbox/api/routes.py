"""Which calls a service of the API answers, and by what."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from runner.sandbox.api.endpoints import Handler, api_endpoint
from runner.sandbox.api.error_envelopes import Family
from runner.sandbox.api.services import CriteoService
from runner.sandbox.api.validators import Shape
from runner.sandbox.world.world import World


@dataclass(frozen=True, slots=True)
class Router:
    """Makes the routes of one service; `prefix` is what their paths begin with, after the version."""

    world: World
    service: CriteoService
    prefix: str = ""

    def __call__(
        self, method: str, path: str, handler: Handler, family: Family = Family.BULK, shape: Shape | None = None
    ) -> Route:
        endpoint = api_endpoint(self.world, handler, self.service, family, shape)
        return Route(f"/{{version}}{self.prefix}{path}", endpoint, methods=[method])

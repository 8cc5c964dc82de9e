"""What Criteo's two services are to the rest: their fields in the files, the identifiers they take, how to connect.

Read at every start, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

from runner.core.checks import Check
from runner.core.destination import Api, CallRules, Destination, DestinationClient, DestinationField, DestinationKind
from runner.core.identifiers import IdentifierType

_VARIABLES = MappingProxyType({"client_id": "CRITEO_CLIENT_ID", "client_secret": "CRITEO_CLIENT_SECRET"})
_NO_ACCOUNT = "have an admin of the ad account consent to the app in Criteo's partner portal"


def _connect(destination: Destination, environ: Mapping[str, str], rules: CallRules) -> DestinationClient:
    from runner.destinations.criteo.connect import connect, transport_of

    return connect(destination, environ=environ, transport=transport_of(rules))


def _api(environ: Mapping[str, str]) -> Api:
    from runner.destinations.criteo.endpoint import DEFAULT_URL, endpoint_of

    return Api("Criteo", endpoint_of(environ).url, DEFAULT_URL, "CRITEO_API_URL")


def _check_version(environ: Mapping[str, str], today: date) -> Iterator[Check]:
    from runner.destinations.criteo.api_version import check_version
    from runner.destinations.criteo.endpoint import endpoint_of

    return check_version(endpoint_of(environ), today)


MARKETING_SOLUTIONS = DestinationKind(
    type="criteo",
    platform="Criteo",
    title="marketing solutions",
    takes=frozenset(IdentifierType) - {IdentifierType.CUSTOMER_ID, IdentifierType.USER_IDENTIFIER},
    takes_advice="customer_id and user_identifier are for retail media only",
    account=DestinationField("advertiser_id", "12345", number_of="an advertiser", required=True),
    options=(
        DestinationField(
            "gum_caller_id",
            "4242",
            goes_with=IdentifierType.GUM_ID,
            hint="ask Criteo's account team for the number",
        ),
    ),
    variables=_VARIABLES,
    no_account_hint=_NO_ACCOUNT,
    connect=_connect,
    api=_api,
    check_version=_check_version,
)

RETAIL_MEDIA = DestinationKind(
    type="criteo-retail-media",
    platform="Criteo",
    title="retail media",
    takes=frozenset(IdentifierType) - {IdentifierType.MOBILE_AD_ID, IdentifierType.GUM_ID},
    takes_advice="mobile_ad_id and gum_id are for marketing solutions only; onsite campaigns need customer_id",
    one_type=True,
    account=DestinationField("account_id", "555", number_of="a retail-media account", required=True),
    options=(DestinationField("retailer_id", "12", number_of="a retailer", required=True, fixed_as="retailer"),),
    variables=_VARIABLES,
    no_account_hint=_NO_ACCOUNT,
    connect=_connect,
    api=_api,
    check_version=_check_version,
)

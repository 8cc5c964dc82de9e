"""What tells the types of destination apart in the files: their own fields, and the identifiers they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.core.identifiers import IdentifierType


@dataclass(frozen=True, slots=True)
class Product:
    """A type of destination. `account` is the field that holds the ad account's number, and `owner` whose number it is.

    `one_type` says that an audience holds one type of identifier; `advice` is what to do about one that is not taken.
    """

    title: str
    account: str
    owner: str
    example: str
    takes: frozenset[IdentifierType]
    one_type: bool
    advice: str


_MARKETING_SOLUTIONS = Product(
    title="marketing solutions",
    account="advertiser_id",
    owner="an advertiser",
    example="12345",
    takes=frozenset(IdentifierType) - {IdentifierType.CUSTOMER_ID, IdentifierType.USER_IDENTIFIER},
    one_type=False,
    advice="customer_id and user_identifier are for retail media only",
)

_RETAIL_MEDIA = Product(
    title="retail media",
    account="account_id",
    owner="a retail-media account",
    example="555",
    takes=frozenset(IdentifierType) - {IdentifierType.MOBILE_AD_ID, IdentifierType.GUM_ID},
    one_type=True,
    advice="mobile_ad_id and gum_id are for marketing solutions only; onsite campaigns need customer_id",
)

PRODUCTS: Mapping[str, Product] = {"criteo": _MARKETING_SOLUTIONS, "criteo-retail-media": _RETAIL_MEDIA}
"""By the destination's `type`."""

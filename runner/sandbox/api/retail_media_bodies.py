"""The request bodies of retail media, as Criteo's OpenAPI document has them."""

from __future__ import annotations

from runner.sandbox.api.marketing_solutions_bodies import NILLABLE_TEXT, list_of
from runner.sandbox.api.validators import array, fields, nullable, number, one_of, text, texts
from runner.sandbox.world.identifier_validation import IDENTIFIER_TYPES
from runner.sandbox.world.segment_records import SEGMENT_TYPES, CriteoService

_TYPES = IDENTIFIER_TYPES[CriteoService.RETAIL_MEDIA]
_DAYS = one_of(*(f"Last{days}Days" for days in (7, 14, 30, 45, 60, 90, 120, 150, 180)))
_ACTIVITY = one_of("View", "Buy", "AddToCart")
_NILLABLE_NUMBER = nullable(fields(value=nullable(number)))

CREATE = list_of(
    fields(
        {
            "attributes": fields(
                {"name": text, "retailerId": text},
                description=nullable(text),
                contactList=fields(identifierType=one_of(*_TYPES)),
                events=fields(
                    {"lookbackDays": _DAYS, "shopperActivity": _ACTIVITY},
                    brandIds=texts,
                    categoryIds=texts,
                    minPrice=number,
                    maxPrice=number,
                ),
            )
        },
        type=text,
    )
)

UPDATE = list_of(
    fields(
        {
            "id": text,
            "attributes": fields(
                name=text,
                description=NILLABLE_TEXT,
                contactList=fields(),
                events=fields(
                    lookbackDays=_DAYS,
                    shopperActivity=_ACTIVITY,
                    brandIds=texts,
                    categoryIds=texts,
                    minPrice=_NILLABLE_NUMBER,
                    maxPrice=_NILLABLE_NUMBER,
                ),
            ),
        },
        type=text,
    )
)

SEARCH = fields(
    {
        "data": fields(
            type=text,
            attributes=fields(
                audienceSegmentIds=texts,
                retailerIds=texts,
                audienceSegmentTypes=array(one_of(*SEGMENT_TYPES[CriteoService.RETAIL_MEDIA])),
            ),
        )
    }
)

# `Gum` may be said here, although no list can be made for it.
AMENDMENT = fields(
    {
        "data": fields(
            {
                "attributes": fields(
                    {
                        "operation": one_of("add", "remove"),
                        "identifierType": one_of(*_TYPES, "Gum"),
                        "identifiers": texts,
                    }
                )
            },
            type=text,
        )
    }
)

RETAILERS = fields(
    {"data": fields(type=nullable(text), attributes=fields(retailerIdFilter=nullable(texts)))},
)

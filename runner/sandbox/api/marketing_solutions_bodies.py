"""The request bodies of marketing solutions, as Criteo's OpenAPI document has them."""

from __future__ import annotations

from runner.sandbox.api.validators import (
    Shape,
    array,
    fields,
    nullable,
    number,
    one_of,
    text,
    texts,
    whole,
    whole_or_digits,
)
from runner.sandbox.world.identifier_validation import IDENTIFIER_TYPES
from runner.sandbox.world.segment_records import SEGMENT_TYPES, CriteoService

_SERVICE = CriteoService.MARKETING_SOLUTIONS
_POINT = fields(name=nullable(text), latitude=nullable(number), longitude=nullable(number))
_LEVELS = one_of("Low", "Medium", "High")
_IN_MARKET: dict[str, Shape] = {
    "brandIds": texts,
    "interestIds": texts,
    "buyingPower": array(one_of("Low", "Medium", "High", "VeryHigh")),
    "priceRange": array(_LEVELS),
}
_USERS = one_of("Prospects", "ProspectsOrNonBuyers")
_VISITORS = one_of("All", "Buyers", "NonBuyers")
_GENDER = one_of("Male", "Female")
NILLABLE_TEXT = nullable(fields(value=nullable(text)))
_NILLABLE_WHOLE = nullable(fields(value=nullable(whole)))

_ESTIMABLE: dict[str, Shape] = {
    "inMarket": fields({"country": text}, gender=_GENDER, **_IN_MARKET),
    "location": fields({"pointsOfInterest": array(_POINT), "radiusInKm": whole}),
}
_CREATE_SETTINGS: dict[str, Shape] = {
    "contactList": fields(),
    "prospecting": fields({"usersType": _USERS}, daysSinceLastVisitMin=whole, daysSinceLastVisitMax=whole),
    "retargeting": fields({"visitorsType": _VISITORS, "daysSinceLastVisitMin": whole, "daysSinceLastVisitMax": whole}),
    "lookalike": fields({"seedSegmentId": text}, targetSize=number),
    **_ESTIMABLE,
}
_UPDATE_SETTINGS: dict[str, Shape] = {
    "inMarket": fields(country=text, gender=nullable(fields(value=nullable(_GENDER))), **_IN_MARKET),
    "location": fields(pointsOfInterest=array(_POINT), radiusInKm=whole, registryType=one_of("PointOfInterest")),
    "prospecting": fields(
        usersType=_USERS, daysSinceLastVisitMin=_NILLABLE_WHOLE, daysSinceLastVisitMax=_NILLABLE_WHOLE
    ),
    "retargeting": fields(visitorsType=_VISITORS, daysSinceLastVisitMin=whole, daysSinceLastVisitMax=whole),
    "lookalike": fields(targetSize=number),
}


def list_of(item: Shape) -> Shape:
    """A body that lists such items."""
    return fields({"data": array(item)})


CREATE = list_of(
    fields(
        {
            "attributes": fields({"advertiserId": text, "name": text}, description=nullable(text), **_CREATE_SETTINGS),
        },
        type=text,
    )
)

UPDATE = list_of(
    fields(
        {"id": text, "attributes": fields(name=text, description=NILLABLE_TEXT, **_UPDATE_SETTINGS)},
        type=text,
    )
)

IDS = list_of(fields({"id": text}, type=text, attributes=nullable(fields())))
"""Deletes, and the sizes of segments."""

SEARCH = fields(
    {
        "data": fields(
            type=text,
            attributes=fields(
                advertiserIds=texts,
                audienceSegmentIds=texts,
                audienceSegmentTypes=array(one_of(*SEGMENT_TYPES[_SERVICE])),
            ),
        )
    }
)

ESTIMATE = fields({"data": fields({"attributes": fields({"advertiserId": text}, **_ESTIMABLE)}, type=text)})

AMENDMENT = fields(
    {
        "data": fields(
            {
                "type": text,
                "attributes": fields(
                    {
                        "operation": one_of("add", "remove"),
                        "identifierType": one_of(*IDENTIFIER_TYPES[_SERVICE]),
                        "identifiers": texts,
                    },
                    gumCallerId=whole_or_digits,
                ),
            }
        )
    }
)
"""Criteo does not mark identifierType as required, but does not say either what happens without it."""

"""Which activations a command looks at."""

from __future__ import annotations

import pytest

from runner.core.errors import UsageError
from runner.core.selection import Candidate, Selection, require_known

CANDIDATES = (
    Candidate(
        "loyal-fr", ("fr",), ("loyalty", "fr"), "crm", ("activations/fr/loyal.yaml", "activations/sql/loyal.sql")
    ),
    Candidate("loyal-de", ("de",), ("loyalty",), "crm-de", ("activations/de/loyal.yaml", "activations/sql/loyal.sql")),
    Candidate("lapsed-fr", ("fr", "fr-new"), (), "", ("activations/fr/lapsed.yaml",)),
    Candidate("tag:odd", ("de",)),
)


def meant(*select: str, exclude: tuple[str, ...] = (), changed: frozenset[str] | None = None) -> list[str]:
    selection = Selection(select, exclude, changed)
    return [candidate.id for candidate in CANDIDATES if selection.means(candidate)]


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        ((), ["loyal-fr", "loyal-de", "lapsed-fr", "tag:odd"]),
        (("loyal-fr",), ["loyal-fr"]),
        (("loyal-*",), ["loyal-fr", "loyal-de"]),
        (("destination:fr",), ["loyal-fr", "lapsed-fr"]),
        (("destination:fr-new",), ["lapsed-fr"]),
        (("loyal-de", "lapsed-*"), ["loyal-de", "lapsed-fr"]),
        (("Loyal-*",), []),
        (("tag:loyalty",), ["loyal-fr", "loyal-de"]),
        (("tag:f?",), ["loyal-fr"]),
        (("owner:crm",), ["loyal-fr"]),
        (("owner:*",), ["loyal-fr", "loyal-de"]),
        (("path:activations/fr",), ["loyal-fr", "lapsed-fr"]),
        (("path:./activations/fr/",), ["loyal-fr", "lapsed-fr"]),
        (("path:fr/lapsed.yaml",), ["lapsed-fr"]),
        (("path:*.sql",), ["loyal-fr", "loyal-de"]),
        (("path:oyal.yaml",), []),
    ],
)
def test_patterns_mean_ids_tags_owners_destinations_and_files(patterns: tuple[str, ...], ids: list[str]) -> None:
    assert meant(*patterns) == ids


def test_what_is_excluded_is_not_meant_whatever_selects_it() -> None:
    assert meant(exclude=("destination:de",)) == ["loyal-fr", "lapsed-fr"]
    assert meant("loyal-*", exclude=("tag:fr",)) == ["loyal-de"]


def test_what_has_not_changed_is_not_meant() -> None:
    assert meant("loyal-*", changed=frozenset({"loyal-de", "lapsed-fr"})) == ["loyal-de"]
    assert meant(changed=frozenset()) == []


@pytest.mark.parametrize(
    ("selection", "says", "hint"),
    [
        (Selection(("loyal-fr", "loyl-de")), '--select "loyl-de"', 'did you mean "loyal-de"?'),
        (Selection(exclude=("loyl-de",)), '--exclude "loyl-de"', 'did you mean "loyal-de"?'),
        (Selection(("tag:loyalti",)), '"tag:loyalti"', 'did you mean "tag:loyalty"?'),
        (Selection(("destination:frr",)), '"destination:frr"', 'did you mean "destination:fr"?'),
        (Selection(("owner:nobody",)), '"owner:nobody"', "`headcount status` lists the activations"),
        (Selection(("label:x",)), '"label:x"', "destination:, owner:, path:, tag:"),
    ],
)
def test_a_pattern_that_means_nothing_is_an_error_with_the_nearest_word(
    selection: Selection, says: str, hint: str
) -> None:
    with pytest.raises(UsageError, match="matches no activation") as caught:
        selection.require_matches(CANDIDATES)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(UsageError, match='"x"'):
        require_known({"x"}, ["loyal-fr"])

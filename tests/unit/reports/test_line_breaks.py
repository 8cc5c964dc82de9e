"""Lines that are too wide are broken between phrases, else between words, and never within one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runner.reports.line_breaks import breaks, folded


def broken(line: str, width: int, indent: int = 4) -> list[str]:
    places = [0, *breaks(line, width, indent), len(line)]
    parts = [line[start:end].rstrip() for start, end in pairwise(places)]
    return [parts[0], *(" " * indent + part for part in parts[1:])]


def test_a_phrase_that_does_not_fit_goes_on_the_next_line_whole() -> None:
    line = '+ families  create (new)  "Families" in criteo (account 12345)'
    assert broken(line, 50) == ["+ families  create (new)", '    "Families" in criteo (account 12345)']


def test_a_phrase_that_no_line_could_hold_is_broken_between_words() -> None:
    assert broken("x a  failed  one two three four", 14) == ["x a  failed", "    one two", "    three four"]


words = st.text("abc()", min_size=1, max_size=9)
lines = st.lists(st.tuples(words, st.sampled_from([" ", "  ", "   "])), min_size=1, max_size=12)


@given(lines, st.integers(14, 40), st.integers(0, 4))
def test_no_word_is_broken_or_lost_and_no_line_too_wide(parts: list[tuple[str, str]], width: int, indent: int) -> None:
    line = "".join(word + gap for word, gap in parts).rstrip()
    found = broken(line, width, indent)
    assert " ".join(found).split() == line.split()
    assert max(map(len, found)) <= width


def test_every_line_of_a_text_is_folded_and_goes_on_indented() -> None:
    assert folded("one two\nerror: three four five\n", 16) == "one two\nerror: three\n    four five\n"
    assert folded("short\n\nlast", 16) == "short\n\nlast"


def test_a_command_that_may_be_copied_stays_whole() -> None:
    assert folded("  -> first write it, then run `headcount sync --rebuild a`\n", 34) == (
        "  -> first write it, then run\n      `headcount sync --rebuild a`\n"
    )
    whole = "  -> let it pass once with --allow-removals coupon-users\n"
    assert folded(whole, 34) == whole


def test_a_line_of_a_file_stays_whole_above_its_caret() -> None:
    excerpt = "   11 |     select household_idd::varchar as customer_id\n      |            ^^^^^^^^^^^^^\n"
    assert folded(excerpt, 20) == excerpt


def test_what_stands_in_parentheses_stays_whole_where_a_line_can_hold_it() -> None:
    line = '+ families  failed  "Families with children" in criteo (account 12345, audience 8)'
    assert broken(line, 60) == [
        '+ families  failed  "Families with children" in criteo',
        "    (account 12345, audience 8)",
    ]
    assert broken("x a  failed  one (two three four)", 16) == ["x a  failed  one", "    (two three", "    four)"]


def test_a_name_is_not_left_alone_on_its_line() -> None:
    line = "= lapsed-shoppers  recovered at noon; it had gone wrong since yesterday"
    assert broken(line, 60) == ["= lapsed-shoppers  recovered at noon; it had gone wrong", "    since yesterday"]


def test_colours_take_no_room() -> None:
    assert folded("place: \033[1;31merror: one two\033[0m\n", 21) == "place: \033[1;31merror: one two\033[0m\n"
    assert folded("place: \033[1;31merror: one two three\033[0m\n", 21) == (
        "place: \033[1;31merror: one two\n    three\033[0m\n"
    )

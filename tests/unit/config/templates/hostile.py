"""Templates that mean to use up a machine: each in a few characters, by another way to grow or to run on."""

from __future__ import annotations

from collections.abc import Mapping

ROUNDS = "{% for x in range(1000) %}"
END = "{% endfor %}"


def doubled(first: str, step: str, times: int = 40) -> str:
    """A name `a` that starts as `first` and is replaced by `step` again and again."""
    return f"{{% set a = {first} %}}" + f"{{% set a = {step} %}}" * times


LONG = doubled("'abcdefghij'", "a ~ a ~ a ~ a", 8)
"""`a` is a text of 655,360 characters: as much as is allowed, to start from."""
SHARED = doubled("[1]", "[a, a]", 30)
"""`a` is a list that would be 2^30 numbers long if it were written out."""
OTHER = SHARED.replace("set a", "set b").replace("[a, a]", "[b, b]")

HOSTILE: Mapping[str, str] = {
    "a list that shares its parts, printed": SHARED + "{{ a }}",
    "a list that shares its parts, as a text": SHARED + "{% set b = a | string %}",
    "a list that shares its parts, joined": SHARED + "{% set b = a | join %}",
    "a list that shares its parts, behind a tilde": SHARED + "{% set b = a ~ '' %}",
    "a list that shares its parts, in capitals": SHARED + "{{ a | upper }}",
    "a list that shares its parts, compared": SHARED + OTHER + "{{ a == b }}",
    "a list that shares its parts, put in order": SHARED + OTHER + "{{ a < b }}",
    "a list that shares its parts, looked for": SHARED + OTHER + "{{ b in [a] }}",
    "a list that shares its parts, tested": SHARED + OTHER + "{{ a is eq(b) }}",
    "a list that shares its parts, as a name": SHARED + "{{ var(a) }}",
    "a list that shares its parts, as a separator": SHARED + "{{ 'a,b'.split(a) }}",
    "a list that shares its parts, as a layout": SHARED + "{{ today.strftime(a) }}",
    "a list that shares its parts, written as SQL": SHARED + "{{ a | sql }}",
    "a list in a list, again and again": doubled("[1]", "[a]", 1_500) + "{{ a }}",
    "a mapping that shares its parts": doubled("{'x': 1}", "{'x': a, 'y': a}", 30) + "{{ [a] }}",
    "a mapping that shares its parts, compared": doubled("{'x': 1}", "{'x': a, 'y': a}", 30)
    + doubled("{'x': 1}", "{'x': a, 'y': a}", 30).replace("set a", "set b").replace(": a", ": b")
    + "{{ a == b }}",
    "a text added to itself": doubled("'x'", "a + a"),
    "a text beside itself": doubled("'x'", "a ~ a"),
    "a list added to itself": doubled("[1]", "a + a") + "{{ a | length }}",
    "a tuple added to itself": doubled("(1,)", "a + a") + "{{ a | length }}",
    "a text joined by itself": doubled("'xy'", "a | join(a)"),
    "a number multiplied by itself": doubled("9", "a * a") + "{{ a }}",
    "a text times a number": "{{ 'x' * 1000000000 }}",
    "a list times a number": "{{ [0] * 1000000000 }}",
    "a format of a wide number": "{{ '%1000000000d' % 1 }}",
    "a date with a wide year": "{{ today.strftime('%1000000000d') }}",
    "a date with a wide weekday": "{{ today.strftime('%^999999999A') }}",
    "a date by a long layout": LONG + "{{ today.strftime(a) }}",
    "a long text split often": LONG + ROUNDS + "{% set b = a.split('b') %}" + END,
    "a long text split at blanks": LONG + ROUNDS + "{% set b = a.split() %}" + END,
    "a long text in capitals, often": LONG + ROUNDS + "{% set b = a | upper %}" + END,
    "a long text as a title, often": LONG + ROUNDS + "{% set b = a.title() %}" + END,
    "a long text stripped by itself": LONG + "{{ a.strip(a) }}",
    "a long text trimmed by itself": LONG + "{{ a | trim(a) }}",
    "a long text searched often": LONG + ROUNDS + "{{ a ~ 'x' in a }}" + END,
    "a long text compared often": LONG + "{% set b = a ~ '' %}" + ROUNDS + ROUNDS + "{{ a == b }}" + END + END,
    "a long text put in order often": LONG + "{% set b = a ~ '' %}" + ROUNDS + ROUNDS + "{{ a <= b }}" + END + END,
    "a long text cut often": LONG + ROUNDS + "{% set b = a[1:] %}" + END,
    "a long text turned around often": LONG + ROUNDS + "{% set b = a[::-1] %}" + END,
    "a long text gone through": LONG + "{% for x in a %}{{ x }}{{ x }}{% endfor %}",
    "a long text gone through for nothing": LONG + "{% for x in a if not x %}{{ x }}{% endfor %}",
    "a long text as a number": LONG.replace("abcdefghij", "1234567890") + "{{ a | int }}",
    "a long text as a fraction": LONG.replace("abcdefghij", "1234567890") + "{{ a | float }}",
    "a long text as a key": LONG + ROUNDS + ROUNDS + "{{ a in {'x': 1} }}" + END + END,
    "a long text as a variable": LONG + "{{ var(a) }}",
    "a long text printed often": LONG + "{{ a }}" * 100,
    "a written text printed often": ROUNDS + ROUNDS + "x" * 1000 + END + END,
    "loops in loops": ROUNDS * 6 + END * 6,
    "loops in loops that print nothing": ROUNDS * 6 + "{% if false %}x{% endif %}" + END * 6,
    "loops with a test": "{% for x in range(1000) if x < 0 %}{% endfor %}" * 400,
    "a list made in every round": ROUNDS + ROUNDS + "{% set b = [x, x, x, x, x, x, x, x] %}" + END + END,
    "a range without an end": "{{ range(1000000000) }}",
    "many ranges": ROUNDS + ROUNDS + "{% set b = range(1000) %}" + END + END,
    "a number of a hundred thousand digits": "{{ " + "9" * 99_000 + " }}",
    "a hexadecimal number of a hundred thousand digits": "{{ 0x" + "f" * 99_000 + " }}",
    "a list of fifty thousand numbers": "{{ [" + "1," * 49_000 + "] }}",
    "fifty thousand texts side by side": "{{ " + "'' ~ " * 19_000 + "'' }}",
    "twenty thousand templates": "{{ 1 }}" * 14_000,
    "brackets in brackets": "{{ " + "(" * 49_000 + "1" + ")" * 49_000 + " }}",
    "lists in lists": "{{ " + "[" * 49_000 + "1" + "]" * 49_000 + " }}",
    "a chain of dots": "{{ today" + ".year" * 19_000 + " }}",
    "a chain of filters": "{{ 1" + "|abs" * 19_000 + " }}",
    "a chain of sums": "{{ 1" + " + 1" * 19_000 + " }}",
    "a chain of comparisons": "{{ 1" + " < 2" * 19_000 + " }}",
    "a chain of conditions": "{% if 0 %}" + "{% elif 0 %}" * 7_000 + "{% endif %}",
    "conditions in conditions": "{% if 1 %}" * 4_000 + "{% endif %}" * 4_000,
    "a choice in a choice": "{{ " + "1 if 1 else " * 8_000 + "1 }}",
    "blanks in a tag": "{%" + " " * 99_000 + "%}",
    "beginnings of tags": "{%- " * 24_000,
    "beginnings of comments": "{#" * 49_000,
    "one more than it may have": "{{ 1 }}" + " " * 100_000,
}

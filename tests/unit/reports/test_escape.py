"""What leaves the process: nothing in it drives a terminal, or the service that runs a job."""

from __future__ import annotations

import json

import pytest

from runner.reports.escape import in_json, leaving

COMMANDS = {
    "::error::x": r"\x3a:error::x",
    "   ::add-mask::x": r"   \x3a:add-mask::x",
    "name ::error file=a.yaml,line=1::x": r"name \x3a:error file=a.yaml,line=1::x",
    'said "::stop-commands::x"': r'said "\x3a:stop-commands::x"',
    "::": r"\x3a:",
    "##[error]x": r"\x23#[error]x",
    "name ##[add-matcher]x": r"name \x23#[add-matcher]x",
    "##vso[task.setvariable variable=a]b": r"\x23#vso[task.setvariable variable=a]b",
    "x##teamcity[message text='a']": r"x\x23#teamcity[message text='a']",
    "###[group]x": r"#\x23#[group]x",
    "section_start:1:name": r"section\x5fstart:1:name",
    "a section_end:12:name": r"a section\x5fend:12:name",
}


@pytest.mark.parametrize(("text", "shown"), COMMANDS.items())
def test_a_command_to_the_service_that_runs_the_job_is_written_as_an_escape(text: str, shown: str) -> None:
    assert leaving(text) == shown
    assert leaving(f"first\n{text}\nlast") == f"first\n{shown}\nlast"


@pytest.mark.parametrize("form", ["##[", "##vso[", "##teamcity[", "section_start:1", "::error::"])
def test_no_command_is_in_a_json_document(form: str) -> None:
    assert form not in in_json(json.dumps({"name": f"a {form} b"}))


@pytest.mark.parametrize("text", COMMANDS)
def test_a_json_document_means_the_same(text: str) -> None:
    assert json.loads(in_json(json.dumps({text: [text]}))) == {text: [text]}


@pytest.mark.parametrize(
    "text", ["a\x1b]0;title\x07", "a\x1b[2J", "a\rb", "a\x0bb", "a\x85b", "a\u2028::error::x", "\u202etxt", "a\x00"]
)
def test_what_a_terminal_might_obey_is_written_as_an_escape(text: str) -> None:
    assert leaving(text).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "select a::int, b::varchar from shop.people where c = d::date",
        "  -> let it pass once with --allow-removals loyal",
        "\x1b[31merror\x1b[0m: no\x1b[1;2m such\x1b[0m table\n",
        "### Headcount plan\n\n| a | b |\n## [a link](b)\n@\u200bsomeone\n",
        "Café 北京 👩\u200d💻",
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert leaving(text) == text

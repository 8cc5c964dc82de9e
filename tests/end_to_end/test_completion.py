"""What a shell gets when it asks, in the way it asks, what could come next."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.end_to_end.shop import Shop

LISTED = """\
import sys
from runner.cli.app import run
code = run()
print(sorted({"duckdb", "jsonschema", "jinja2", "requests", "rich"} & set(sys.modules)))
sys.exit(code)
"""


@pytest.fixture
def labelled(shop: Shop) -> Shop:
    shop.activation("loyal-fr", tags=["france"], owner="crm")
    shop.activation("loyal-de")
    shop.activation("lapsed", segment={"sql": "no check is made: {{ nonsense }}"})
    return shop


def answer(shop: Shop, shell: str, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=shop.folder,
        env={**shop.environment, "_HEADCOUNT_COMPLETE": f"complete_{shell}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def in_bash(shop: Shop, *words: str, **environment: str) -> list[str]:
    """What bash offers for the last of the words, which are as bash takes a line apart."""
    line = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = answer(shop, "bash", "-m", "runner", **line, **environment)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["plan", "--select", "l"], ["lapsed", "loyal-de", "loyal-fr"]),
        (["plan", "--select", ""], ["lapsed", "loyal-de", "loyal-fr", "tag:", "owner:", "destination:", "path:"]),
        (["plan", "--select", "dest"], ["destination:criteo"]),
        (["plan", "--select", "tag", ":"], ["france"]),
        (["plan", "--select", "tag", ":", "f"], ["france"]),
        (["apply", "--select", "=", "owner", ":", ""], ["crm"]),
        (["apply", "--allow-removals", "=", "loyal-f"], ["loyal-fr"]),
        (["apply", "--allow-removals", "tag", ":"], ["france"]),
        (["sync", "--rebuild", "loyal-d"], ["loyal-de"]),
        (["plan", "--exclude", "la"], ["lapsed"]),
        (["history", "la"], ["lapsed"]),
        (["import", "loyal-d"], ["loyal-de"]),
        (["validate", "--resolved", "la"], ["lapsed"]),
    ],
)
def test_bash_is_offered_what_the_files_declare(labelled: Shop, words: list[str], offered: list[str]) -> None:
    assert in_bash(labelled, "headcount", *words) == offered


def test_a_file_of_an_activation_is_offered(labelled: Shop) -> None:
    offered = in_bash(labelled, "headcount", "plan", "--select", "path", ":", "activations/loyal")
    assert offered == ["activations/loyal-de.yaml", "activations/loyal-fr.yaml"]


def test_zsh_and_fish_are_offered_the_same(labelled: Shop) -> None:
    line = {"_TYPER_COMPLETE_ARGS": "headcount plan --select tag:", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert '"tag\\\\:france"' in answer(labelled, "zsh", "-m", "runner", **line).stdout
    assert answer(labelled, "fish", "-m", "runner", **line).stdout.split() == ["tag:france"]


def test_the_folder_is_the_one_that_the_line_or_the_environment_names(labelled: Shop) -> None:
    labelled.write("other/one.yaml", "kind: Activation\nid: elsewhere\n")
    assert in_bash(labelled, "headcount", "plan", "--dir", "other", "--select", "") == ["elsewhere", "path:"]
    assert in_bash(labelled, "headcount", "plan", "--select", "e", HEADCOUNT_DIR="other") == ["elsewhere"]


@pytest.mark.parametrize("text", ["kind: [", "- no mapping\n", "\x00", "kind: Activation\nid: {a: b}\n", "&a [*a]"])
def test_what_cannot_be_read_is_left_out_in_silence(labelled: Shop, text: str) -> None:
    labelled.write("activations/broken.yaml", text)
    (labelled.folder / "activations" / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert in_bash(labelled, "headcount", "plan", "--select", "loyal-d") == ["loyal-de"]


def test_what_could_drive_the_terminal_is_not_offered(labelled: Shop) -> None:
    labelled.write("activations/evil.yaml", 'kind: Activation\nid: "loyal-\\e]0;owned\\a"\n')
    assert in_bash(labelled, "headcount", "plan", "--select", "loyal-") == ["loyal-de", "loyal-fr"]


def test_without_a_project_nothing_is_offered(labelled: Shop) -> None:
    assert in_bash(labelled, "headcount", "plan", "--dir", "nowhere", "--select", "") == []


def test_a_question_that_makes_no_sense_is_answered_with_silence(labelled: Shop) -> None:
    done = answer(labelled, "bash", "-m", "runner", COMP_WORDS="headcount", COMP_CWORD="many")
    assert (done.stdout, done.stderr) == ("", "")


def test_nothing_heavy_is_loaded_for_it(labelled: Shop) -> None:
    line = {"COMP_WORDS": "headcount\nplan\n--select\nlap", "COMP_CWORD": "3"}
    assert answer(labelled, "bash", "-c", LISTED, **line).stdout.split() == ["lapsed", "[]"]

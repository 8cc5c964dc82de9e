"""What helps where something is wrong: the advice must be right, or it costs more than none."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import Shop


def told(shop: Shop, *arguments: str, code: int = 3) -> str:
    """What a command says of the files, as one line."""
    result = shop.run(*arguments, code=code)
    return " ".join((result.out + result.err).split())


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("date '2025-01-01'", "map the column that holds the mobile_ad_id: as text, this one would be none"),
        ("1.5::double", "where it holds whole numbers, cast it to hugeint in the SQL; a fraction is no identifier"),
        ("idfa::blob", "write it as text in the SQL: lower(hex(...)) for a hash, decode(...) for text"),
        ("[idfa]", "name the one value in it that is the identifier, in the SQL"),
    ],
)
def test_a_column_of_a_type_that_holds_no_identifiers(shop: Shop, sql: str, hint: str) -> None:
    shop.activation(sql=f"select {sql} as seen from shop.people", mapping={"mobile_ad_id": "seen", "email": None})
    said = told(shop, "validate")
    assert hint in said
    assert "varchar" not in said


@pytest.mark.parametrize(
    ("asked", "meant"), [("consent", "marketing_consent"), ("counrty = 'FR'", "country"), ("ltv", "")]
)
def test_a_name_that_is_a_part_of_the_right_one_is_understood(shop: Shop, asked: str, meant: str) -> None:
    shop.write("data/people.csv", "email,marketing_consent,country\na@shop.example,true,FR\n")
    shop.activation(sql=f"select email from shop.people where {asked}")
    assert (f'did you mean "{meant}"?' in told(shop, "validate")) == bool(meant)


def test_a_typo_in_a_mapping(shop: Shop) -> None:
    shop.activation(mapping={"email": "emial"})
    assert 'the SQL yields no column "emial"; did you mean "email"?' in told(shop, "validate")
    shop.activation(mapping={"emial": "email"})
    assert 'unknown identifier type "emial" in mapping; did you mean "email"?' in told(shop, "validate")


def test_the_wrong_folder(shop: Shop) -> None:
    shop.activation()
    shop.write("elsewhere/notes.txt", "nothing")
    shop.write("sources/shop.yaml", "kind: Project\n")
    assert "did you mean --dir activations? there are activations in it" in told(shop, "plan", "--dir", "activatons")
    assert "did you mean --dir activations? there are activations in it" in told(shop, "plan", "--dir", "elsewhere")
    said = told(shop, "plan", "--dir", "sources", code=0)
    assert "No file below sources declares an activation; did you mean --dir activations?" in said


def test_nothing_is_suggested_where_there_is_nothing(shop: Shop) -> None:
    said = told(shop, "plan", "--dir", "activatons")
    assert "did you mean" not in said
    assert "`headcount init` writes a starter project" in said


def test_an_audience_that_no_run_could_keep_so_fresh(shop: Shop) -> None:
    shop.activation(schedule={"cron": "0 6 * * 1-5"}, freshness="26h")
    shop.apply()
    said = told(shop, "status", "--at", "2031-02-02T12:00", code=0)
    assert "26h is allowed" in said
    assert "-> its schedule (0 6 * * 1-5 UTC) leaves up to 3d between two runs" in said
    assert "set freshness to 74h, say" in said
    shop.activation(schedule={"cron": "0 6 * * *"}, freshness="26h")
    assert "its schedule" not in told(shop, "status", "--at", "2031-02-02T12:00", code=0)


def test_a_freshness_that_the_schedule_cannot_keep_is_a_warning_before_anything_is_stale(shop: Shop) -> None:
    shop.activation(schedule={"cron": "0 6 * * 1-5"}, freshness="26h")
    result = shop.run("validate", "--no-sources", code=0)
    assert "activations/loyal.yaml:" in result.err
    assert "warning[freshness-too-short]: an audience that may be 26h old is stale between its runs" in result.err
    assert "leaves up to 3d between two runs: set freshness to 74h, say" in result.err
    shop.activation(schedule={"cron": "0 6 * * *"}, freshness="26h")
    assert "warning" not in shop.run("validate", code=0).err


def test_an_endpoint_that_is_not_encrypted(shop: Shop) -> None:
    pytest.importorskip("obstore", exc_type=ImportError)
    shop.activation()
    store = {
        "HEADCOUNT_STATE": "s3://bucket/prefix",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-3",
    }
    err = shop.run("status", code=1, **store).err
    assert "s3://bucket/prefix cannot be used: its endpoint is http://, not https://" in err
    assert "AWS_ALLOW_HTTP=true" in err

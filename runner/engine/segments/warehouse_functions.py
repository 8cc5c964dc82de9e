"""Functions of warehouses that a segment may not call: those that read files, run other SQL, or act on the server.

Lists of what is refused have holes: what holds is what the role was granted. These say early, and at the line of the
file, what no segment can have meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_FILES = "it reads or writes files of the server's"
_OTHER_SQL = "it runs SQL that is not looked at here"
_ELSEWHERE = "it reads or writes in other systems"
_SERVER = "it acts on the server, or on other sessions"
_SETTINGS = "it changes the session"
_CODE = "it runs code that is no SQL"

_Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*rules: tuple[str, str]) -> _Rules:
    return tuple((re.compile(names), reason) for names, reason in rules)


_POSTGRES = _rules(
    (r"pg_(read|ls|stat|write|file)_?\w*(file|dir|binary_file|unlink|sync|rename)\w*", _FILES),
    (r"pg_(ls_\w+|current_logfile|read_server_files|file_\w+)", _FILES),
    (r"lo_\w+|loread|lowrite", _FILES),
    (r"(query|cursor|table|schema|database)_to_xml\w*", _OTHER_SQL),
    (r"dblink\w*|postgres_fdw\w*|http\w*|aws_\w+", _ELSEWHERE),
    (r"pg_(terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile\w*|pg_promote|pg_notify", _SERVER),
    (r"pg_(create|drop|copy|logical|replication|wal|switch|backup|start|stop|export|import)_?\w*", _SERVER),
    (r"pg_(try_)?advisory\w*|pg_sleep\w*", _SERVER),
    (r"set_config|setval|nextval", _SETTINGS),
)
_SPARK = _rules(
    (r"java_method|reflect|try_reflect|transform_with_state", _CODE),
    (r"read_files|cloud_files|read_kafka|read_kinesis|read_pubsub|read_pulsar|read_statestore|list_secrets", _FILES),
    (r"secret|try_secret|http_request|remote_query|ai_\w+|from_xml_file", _ELSEWHERE),
)
_SNOWFLAKE = _rules(
    (r"system\$\w+", _SERVER),
    (
        r"get_presigned_url|build_\w*_?file_url|get_stage_location|infer_schema|get_relative_path|get_absolute_path",
        _FILES,
    ),
    (r"ai_\w+|complete|cortex\w*", _ELSEWHERE),
)
_BIGQUERY = _rules(
    (r"external_query|external_object_transform", _ELSEWHERE),
)
_BY_DIALECT: Mapping[str, _Rules] = {
    "postgres": _POSTGRES,
    "redshift": _POSTGRES,
    "spark": _SPARK,
    "databricks": _SPARK,
    "snowflake": _SNOWFLAKE,
    "bigquery": _BIGQUERY,
}

_FILE_FORMATS = frozenset({"parquet", "csv", "json", "orc", "avro", "text", "binaryfile", "delta", "iceberg", "xml"})


def refusal(name: str, dialect: str) -> str | None:
    """Why a function may not be called in a dialect; None where it may."""
    rules = _BY_DIALECT.get(dialect, ())
    return next((reason for names, reason in rules if names.fullmatch(name.lower())), None)


def reads_as_file(table: str, schema: str) -> bool:
    """Whether a table's name is one of a file: Spark's `parquet`.`s3://...`."""
    return schema.lower() in _FILE_FORMATS and ("/" in table or ":" in table or "." in table)

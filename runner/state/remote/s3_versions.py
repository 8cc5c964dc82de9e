"""The versions of objects that a bucket with S3's API keeps beside the current ones.

The library that reads and writes objects cannot list them: botocore does, which an extra installs. Credentials, region
and endpoint are those of the environment, as for everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.errors import HeadcountError, requires_extra
from runner.state.remote.object_store import ListedVersion

SCHEME = "s3://"
_CODE = re.compile(r"\w{1,60}")


def noncurrent(location: str, prefix: str, environ: Mapping[str, str]) -> Iterator[ListedVersion]:
    """The older versions below a prefix of a place, those of deleted objects included.

    Raises HeadcountError where they cannot be listed, without what the store says of keys and addresses.
    """
    bucket, _, root = location.removeprefix(SCHEME).partition("/")
    below = f"{root}/{prefix}" if root else prefix
    client = _client(environ)
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=below)
        for page in pages:
            for one in page.get("Versions", ()):
                if not one["IsLatest"]:
                    name = one["Key"][len(below) - len(prefix) :]
                    yield ListedVersion(name, one["VersionId"], one["Size"], one["LastModified"])
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        said = code if _CODE.fullmatch(code) else "an error"
        hint = "allow these credentials s3:ListBucketVersions on the bucket and s3:GetObjectVersion on its objects"
        raise HeadcountError(f"the store answered {said}", hint) from None
    except BotoCoreError as error:
        hint = "check the credentials, the region and the endpoint of the object store in the environment"
        raise HeadcountError(f"the store could not be asked ({type(error).__name__})", hint) from None


def shown_endpoint(environ: Mapping[str, str]) -> str:
    """The address of a store of one's own, for a command that a person types; empty for the cloud's, and where the
    address holds more than a scheme, a host, a port and a path.
    """
    found = re.fullmatch(r"https?://[A-Za-z0-9._\[\]:-]+(/[A-Za-z0-9._/-]*)?", _endpoint(environ) or "")
    return found[0] if found else ""


def _endpoint(environ: Mapping[str, str]) -> str | None:
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT")


def _client(environ: Mapping[str, str]) -> Any:
    with requires_extra("versions", "listing older versions"):
        import botocore.session
        from botocore.config import Config
    endpoint = _endpoint(environ)
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    style = "path" if endpoint else "auto"  # as those that read and write objects address a store of one's own
    patience = {"connect_timeout": 10, "read_timeout": 30, "retries": {"total_max_attempts": 4}}
    config = Config(s3={"addressing_style": style}, **patience)
    session = botocore.session.get_session()
    try:
        return session.create_client("s3", region_name=region, endpoint_url=endpoint, config=config)
    except ValueError:
        raise HeadcountError("the endpoint of the object store is no address", "check AWS_ENDPOINT_URL") from None

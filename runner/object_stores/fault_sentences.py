"""Why objects cannot be read, as sentences: what is wrong, and what to do."""

from __future__ import annotations

from runner.object_stores.addresses import taken_apart
from runner.object_stores.interface import MOST_OBJECTS, StoreFault, Why

_ACCESS = "check the credentials of the object store in the environment, and what they may read in this bucket"
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where the cloud gives its machines a role",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run where the cloud gives its machines a role",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY or a client's id and secret, or run where the cloud gives its machines a role",
}
_SETTINGS = {
    "s3": "set AWS_REGION, and AWS_ENDPOINT_URL for a store that is not Amazon's",
    "gs": "check GOOGLE_APPLICATION_CREDENTIALS: it names a file with a key",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME",
}
_ALLOW_HTTP = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}


def said(fault: StoreFault) -> tuple[str, str]:
    """What is wrong and what to do."""
    url, scheme = fault.url, fault.url.partition(":")[0]
    code = f" ({fault.code})" if fault.code else ""
    if fault.why is Why.TOO_MANY:
        hint = "write more of the path before the first wildcard"
        return f"there are more than {MOST_OBJECTS:,} objects where {url} begins", hint
    sentences = {
        Why.CHANGED: (f"{url} changed while it was read", "run again when nobody writes it"),
        Why.NO_BUCKET: (f"{taken_apart(url).bucket} does not exist", "create the bucket, or name another one"),
        Why.NOT_INSTALLED: (
            f"{scheme}:// needs the package {fault.code}, which is not installed",
            "install Headcount again, from your clone or wheel: pip install 'PATH[remote]'",
        ),
        Why.NOT_DECLARED: (f"{url} is not declared", ""),
        Why.DENIED: (f"{url} cannot be read: access is denied{code}", _ACCESS),
        Why.NO_CREDENTIALS: (f"{url} cannot be read: there are no credentials for {scheme}://", _CREDENTIALS[scheme]),
        Why.NO_SETTINGS: (f"{url} cannot be read: the environment does not say where it is", _SETTINGS[scheme]),
        Why.NOT_ENCRYPTED: (
            f"{url} cannot be read: the endpoint is http://, not https://",
            f"name an https:// endpoint; for a store on this machine set {_ALLOW_HTTP[scheme]}=true",
        ),
        Why.REFUSED: (f"{url} cannot be read: the store answered {fault.code}", _ACCESS),
        Why.UNREACHABLE: (
            f"{url} cannot be reached: {fault.code}",
            "check the network and the endpoint, then run again",
        ),
    }
    return sentences[fault.why]

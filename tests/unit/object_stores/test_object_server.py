"""What the process that runs segments may have of object stores, whatever it asks."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from runner.object_stores.asked_objects import AskedObjects
from runner.object_stores.direct_objects import DirectObjects
from runner.object_stores.exchange import HEAD, LONGEST_QUESTION
from runner.object_stores.interface import LARGEST_PART, StoreFault, Why
from runner.object_stores.object_server import ObjectServer
from tests.object_store import ObjectStore, running_store

CONTENT = bytes(range(256)) * (LARGEST_PART // 100)


@pytest.fixture(scope="module")
def direct() -> DirectObjects:
    return DirectObjects()


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


@pytest.fixture
def root(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    bucket = f"lake-{uuid4().hex}"
    root = store.make_bucket(bucket)
    store.put(bucket, "project/people.csv", CONTENT)
    store.put(bucket, "project/secret.csv", b"secret")
    return root


@pytest.fixture
def server(direct: DirectObjects) -> Iterator[ObjectServer]:
    made = ObjectServer(direct)
    yield made
    made.close()


@pytest.fixture
def asked(server: ObjectServer) -> Iterator[AskedObjects]:
    """The other process's side, in this one."""
    made = AskedObjects([socket.dup(one) for one in server.descriptors])
    yield made
    made.close()


def refused(why: Why, asked: AskedObjects, **question: Any) -> None:
    with pytest.raises(StoreFault) as fault:
        asked.ask(question, "")
    assert fault.value.why is why


def test_an_object_is_read_whole_and_in_part(server: ObjectServer, asked: AskedObjects, root: str) -> None:
    server.allow([f"{root}/people.csv"])

    (one,) = asked.listed(f"{root}/people.csv")

    assert one.size == len(CONTENT) > 2 * LARGEST_PART
    assert asked.read(one.url, 0, one.size) == CONTENT
    assert asked.read(one.url, 100, 17) == CONTENT[100:117]
    assert asked.read(one.url, one.size - 5, 100) == CONTENT[-5:]
    assert asked.read(one.url, one.size, 1) == b""


def test_only_what_is_declared_can_be_had(server: ObjectServer, asked: AskedObjects, root: str) -> None:
    server.allow([f"{root}/p*.csv"])
    (one,) = asked.listed(f"{root}/p*.csv")

    refused(Why.NOT_DECLARED, asked, list=f"{root}/*.csv")
    refused(Why.NOT_DECLARED, asked, list=f"{root}/secret.csv")
    refused(Why.NOT_DECLARED, asked, read=f"{root}/secret.csv", e_tag="", at=0, size=1)
    refused(Why.NOT_DECLARED, asked, read=one.url, e_tag=one.e_tag, at=-1, size=1)
    refused(Why.NOT_DECLARED, asked, read=one.url, e_tag=one.e_tag, at=0, size=LARGEST_PART + 1)
    refused(Why.NOT_DECLARED, asked, read=one.url, e_tag=one.e_tag, at=one.size, size=1)
    refused(Why.NOT_DECLARED, asked, read=one.url, e_tag=one.e_tag, at="0", size=1)
    refused(Why.CHANGED, asked, read=one.url, e_tag="another", at=0, size=1)
    refused(Why.NOT_DECLARED, asked, nonsense=1)


def test_what_is_no_question_ends_that_connection_and_no_other(server: ObjectServer, root: str) -> None:
    server.allow([f"{root}/people.csv"])
    ends = [socket.socket(fileno=socket.dup(one)) for one in server.descriptors]
    server.handed_over()

    for end, sent in zip(ends, (b"[]\n", b"{\n", b"x" * (LONGEST_QUESTION + 1)), strict=False):
        end.sendall(sent)
        assert end.recv(1) == b""
    ends[3].sendall(json.dumps({"list": f"{root}/people.csv"}).encode() + b"\n")
    is_answer, _ = HEAD.unpack(ends[3].recv(HEAD.size, socket.MSG_WAITALL))
    assert is_answer
    for end in ends:
        end.close()


def test_a_failed_read_is_remembered_until_it_is_asked_for(
    server: ObjectServer, asked: AskedObjects, root: str, store: ObjectStore
) -> None:
    server.allow([f"{root}/people.csv"])
    (one,) = asked.listed(f"{root}/people.csv")
    store.put(root.split("/")[2], "project/people.csv", b"another content")

    with pytest.raises(StoreFault):
        asked.read(one.url, 0, 1)

    failure = asked.failure()
    assert failure is not None
    assert (failure.why, failure.url) == (Why.CHANGED, one.url)
    assert asked.failure() is None
    (now,) = asked.listed(one.url)
    assert asked.read(now.url, 0, 100) == b"another content"


def test_when_the_command_has_ended_nothing_waits_for_ever(
    server: ObjectServer, asked: AskedObjects, root: str
) -> None:
    server.allow([f"{root}/people.csv"])
    server.handed_over()
    (one,) = asked.listed(f"{root}/people.csv")
    server.close()

    with pytest.raises(StoreFault) as fault:
        asked.read(one.url, 0, 1)
    assert fault.value.why is Why.UNREACHABLE


def test_without_a_connection_there_are_no_objects() -> None:
    with pytest.raises(StoreFault) as fault:
        AskedObjects(()).listed("s3://lake/x.csv")
    assert fault.value.why is Why.NOT_DECLARED


def test_more_objects_than_anyone_means_are_refused(
    server: ObjectServer, asked: AskedObjects, root: str, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.object_stores.bucket_reader.MOST_OBJECTS", 1)
    server.allow([f"{root}/*.csv"])
    with pytest.raises(StoreFault) as fault:
        asked.listed(f"{root}/*.csv")
    assert fault.value.why is Why.TOO_MANY


def test_what_has_the_credentials_reads_for_itself(direct: DirectObjects, root: str) -> None:
    (one,) = direct.listed(f"{root}/p*.csv")

    assert direct.known(one.url) == one
    assert direct.read(one.url, 1, 3) == CONTENT[1:4]
    assert direct.read(one.url, one.size, 3) == b""
    assert direct.failure() is None
    with pytest.raises(StoreFault) as fault:
        direct.read(f"{root}/secret.csv", 0, 1)
    assert fault.value.why is Why.NOT_DECLARED

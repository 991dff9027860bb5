"""Limits of a document: checked in what is sent, tolerated in what a server responds."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from generating import NEEDS_GENERATOR, Package, api, body, returns, serving
from smsgate import APIClient, RetryPolicy
from smsgate.runtime.types import InvalidArgumentError

pytestmark = NEEDS_GENERATOR
TAGS = {"type": "array", "items": {"type": "string", "maxLength": 3}, "uniqueItems": True, "maxItems": 2}
ITEM = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2},
        "size": {"type": "integer", "minimum": 1, "exclusiveMaximum": 100, "multipleOf": 5},
        "note": {"type": "string", "maxLength": 4},
        "tags": TAGS,
        "counts": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer", "maximum": 9}},
    },
}
REFERENCE = {"$ref": "#/components/schemas/Item"}
BEYOND = {"name": "Ä", "size": 101, "note": "too long", "tags": ["long", "b", "b"], "counts": {"a": 10, "b": 1}}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    times = {"type": "array", "items": {"type": "string", "format": "date-time"}, "uniqueItems": True}
    paths = {
        "/one": {"post": {"operationId": "one", "requestBody": body(REFERENCE), "responses": returns(REFERENCE)}},
        "/all": {"get": {"operationId": "all_items", "responses": returns({"type": "array", "items": REFERENCE})}},
        "/many": {
            "put": {
                "operationId": "many",
                "requestBody": body({"type": "array", "items": REFERENCE, "maxItems": 1}),
                "responses": returns({"type": "object", "additionalProperties": REFERENCE}),
            }
        },
        "/tags": {"put": {"operationId": "tags", "requestBody": body(TAGS), "responses": returns(TAGS)}},
        "/times": {"put": {"operationId": "times", "requestBody": body(times), "responses": returns()}},
    }
    return Package(tmp_path_factory.mktemp("limits"), api(paths, {"Item": ITEM}))


@pytest.fixture
def stub():
    with serving() as server:
        yield server


@pytest.fixture
def client(stub):
    with APIClient("login", "secret", base_url=stub.url, retry=RetryPolicy.none()) as made_client:
        yield made_client


def test_response_beyond_the_limits_is_read_as_it_is(package, stub, client):
    stub.answer(BEYOND)
    stub.answer([BEYOND, {**BEYOND, "counts": None}])
    stub.answer({"x": BEYOND})
    stub.answer(["long", "b", "b"])
    item = package.models.Item(name="ab", size=5)

    assert client.execute(package.operations.one(item)).asdict() == BEYOND
    page = client.execute(package.operations.all_items())
    assert [each.note for each in page] == ["too long", "too long"]
    assert [each.counts for each in page] == [{"a": 10, "b": 1}, None]
    assert page.invalid == []
    assert client.execute(package.operations.many([item]))["x"].asdict() == BEYOND
    assert client.execute(package.operations.tags(["a"])) == ["long", "b", "b"]


def test_repairs_of_a_response_leave_values_beyond_the_limits(package, stub, client):
    stub.answer({**BEYOND, "tags": 5})

    found = client.execute(package.operations.one(package.models.Item(name="ab", size=5)))

    assert (found.size, found.note, found.tags) == (101, "too long", None)


@pytest.mark.parametrize("field", BEYOND)
def test_model_beyond_the_limits_cannot_be_built(package, field):
    with pytest.raises(ValueError, match=field):
        package.models.Item(**{"name": "ab", "size": 5, field: BEYOND[field]})


def test_list_of_different_items_may_be_absent(package):
    assert package.models.Item(name="ab", size=5, tags=None).tags is None
    schema = package.models.Item.model_json_schema()["properties"]["tags"]
    assert schema["anyOf"][0]["uniqueItems"] is True


def test_body_that_is_no_single_model_is_checked_and_written_like_one(package):
    operations, item = package.operations, package.models.Item(name="ab", size=5, note=None)

    assert operations.many([item]).content == b'[{"name":"ab","size":5}]'
    moment = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone.utc)
    assert operations.times([moment]).content == b'["2026-01-31T12:00:00.123Z"]'
    for build, wrong in (
        (operations.many, [item, item]),
        (operations.many, [item.model_copy(update={"size": 7})]),
        (operations.tags, ["a", "a"]),
        (operations.tags, ["long"]),
        (operations.times, [datetime(2026, 1, 31)]),  # noqa: DTZ001 - refused for its missing zone
        (operations.times, [moment, moment]),
    ):
        with pytest.raises(InvalidArgumentError, match="the body cannot be written"):
            build(wrong)

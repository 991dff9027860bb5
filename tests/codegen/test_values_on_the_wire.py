"""Values of parameters and bodies: written exactly as the document says, or rejected with an error of ours."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone

import pytest

from generating import NEEDS_GENERATOR, Package, api, body, returns
from smsgate.runtime.types import InvalidArgumentError, Model
from smsgate.runtime.values import read_text

pytestmark = NEEDS_GENERATOR
NEW_YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)
NUMBER, WORD, GRADE = {"type": "number"}, {"type": "string", "enum": ["a", "b c"]}, {"type": "integer", "enum": [1, 2]}
WORDS = {"type": "array", "items": {"$ref": "#/components/schemas/Text"}}


def parameter(name, place, schema, **more):
    return {"name": name, "in": place, "schema": schema, "required": place == "path", **more}


PARAMETERS = [
    parameter("grade", "path", GRADE), parameter("words", "path", WORDS), parameter("g", "query", GRADE),
    parameter("gs", "query", {"type": "array", "items": GRADE}),
    parameter("empty", "query", {"type": "string"}, allowEmptyValue=True),
    parameter("pipes", "query", WORDS, style="pipeDelimited", explode=False),
    parameter("spaces", "query", WORDS, style="spaceDelimited", explode=False),
    parameter("commas", "query", WORDS, explode=False), parameter("X-Grade", "header", GRADE),
    parameter("X-Words", "header", WORDS), parameter("X-Number", "header", NUMBER), parameter("X-Word", "header", WORD),
    parameter("X-At", "header", {"type": "string", "format": "date-time"}), parameter("crumb", "cookie", NUMBER),
]  # fmt: skip
SCHEMAS = {
    "Text": {"type": "string"},
    "Numbers": {"type": "object", "properties": {"n": NUMBER, "free": {}, "null": {"type": ["number", "null"]}}},
    "Parts": {
        "type": "object",
        "properties": {
            'ü"%\\\r\n': {"type": "string"},
            "old": {"type": "string", "format": "binary"},
            "new": {"type": "string", "contentMediaType": "image/png"},
            "note": {"type": "string", "contentMediaType": "text/plain"},
        },
    },
}


def sent_as(name, schema, media="application/json"):
    return {"post": {"operationId": name, "requestBody": body(schema, media), "responses": returns()}}


PATHS = {
    "/{grade}/{words}": {"get": {"operationId": "call", "parameters": PARAMETERS, "responses": returns()}},
    "/numbers": sent_as("numbers", {"$ref": "#/components/schemas/Numbers"}),
    "/map": sent_as("map_of", {"type": "object", "additionalProperties": NUMBER}),
    "/free": sent_as("free", {}),
    "/form": sent_as("form", {"type": "object", "properties": {"n": NUMBER}}, "application/x-www-form-urlencoded"),
    "/parts": sent_as("parts", {"$ref": "#/components/schemas/Parts"}, "multipart/form-data"),
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return Package(tmp_path_factory.mktemp("values"), api(PATHS, SCHEMAS))


def test_numbered_enums_and_lists_of_named_types_are_written_everywhere(package):
    operation = package.operations.call(
        package.models.CallGrade(1), ["a", "b,c"], g=7, gs=[1, package.models.CallGsItem(2)], empty="",
        pipes=["a", "b c"], spaces=["a", "b|c"], commas=["a", "b,c"], x_grade=2, x_words=["a", "b c"], x_number=1.5,
        x_word="b c", x_at=NEW_YEAR, crumb=2,
    )  # fmt: skip

    assert operation.path == "/1/a,b%2Cc"
    assert operation.query == "g=7&gs=1&gs=2&empty=&pipes=a%7Cb%20c&spaces=a%20b%7Cc&commas=a,b%2Cc"
    assert operation.headers == {
        "X-Grade": "2", "X-Words": "a,b c", "X-Number": "1.5", "X-Word": "b c", "X-At": "2026-01-01T00:00:00.000Z",
        "Cookie": "crumb=2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"x_number": "abc"}, {"x_number": True}, {"x_number": math.inf}, {"crumb": math.nan}, {"crumb": "a; b=c"},
        {"x_word": "c"}, {"x_at": NEW_YEAR.replace(tzinfo=None)}, {"x_words": ["a,b"]}, {"x_words": "ab"},
        {"x_grade": "1"}, {"pipes": ["a|b"]}, {"spaces": ["a b"]}, {"pipes": []}, {"g": "1"}, {"empty": 1},
        {"g": 1.0},
    ],
)  # fmt: skip
def test_argument_of_another_type_is_rejected_in_every_place(package, wrong):
    with pytest.raises(InvalidArgumentError):
        package.operations.call(1, ["a"], **wrong)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_has_not_are_never_sent_as_null(package, number):
    models, operations = package.models, package.operations

    for change in ({"n": number}, {"free": number}, {"free": {"a": [number]}}, {"null": number}):
        with pytest.raises(InvalidArgumentError, match="finite"):
            operations.numbers(models.Numbers(**change))
    with pytest.raises(InvalidArgumentError):
        operations.map_of({"a": number})
    with pytest.raises(InvalidArgumentError, match="finite"):
        operations.free([number])
    with pytest.raises(InvalidArgumentError):
        operations.form(models.FormBody(n=number))


def test_words_that_only_look_like_such_numbers_are_sent(package):
    operation = package.operations.free({"NaN": "Infinity"})

    assert json.loads(operation.content) == {"NaN": "Infinity"}


def test_infinite_numbers_survive_a_round_trip(package):
    kind: type[Model] = package.models.Numbers
    made = kind(n=math.inf, free=[-math.inf])

    assert kind.model_validate_json(made.model_dump_json()) == made


def test_parts_are_named_as_browsers_name_them_and_bytes_are_files(package):
    models = package.models
    made = models.Parts(**{'ü"%\\\r\n': "a", "old": b"1", "new": b"2", "note": "3"})

    text = bytes(package.operations.parts(made).content)

    assert 'name="ü%22%\\%0D%0A"\r\n\r\na\r\n'.encode() in text
    for name, content in (("old", b"1"), ("new", b"2")):
        head = f'name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        assert head.encode() + content in text
    assert b'name="note"\r\n\r\n3\r\n' in text
    with pytest.raises(InvalidArgumentError, match="surrogate"):
        package.operations.parts(models.Parts(note="\ud800"))


@pytest.mark.parametrize("charset", ["undefined", "idna", "rot13", "punycode", "zlib", "x" * 1000, "utf-16"])
def test_text_is_read_whatever_its_charset_is_called(charset):
    assert isinstance(read_text(200, {"Content-Type": f"text/plain; charset={charset}"}, b"\xffa\xe9."), str)

"""Features of other services' documents: each is sent and read exactly, or refused with its JSON pointer."""

from __future__ import annotations

import json
from datetime import date

import pytest

from generating import NEEDS_GENERATOR, Package, api, body, refusal, returns, serving, type_errors
from smsgate import APIClient, ResponseError, RetryPolicy
from smsgate.runtime.types import InvalidArgumentError

pytestmark = NEEDS_GENERATOR


@pytest.fixture
def stub():
    with serving() as server:
        yield server


@pytest.fixture
def client(stub):
    with APIClient("login", "secret", base_url=stub.url, retry=RetryPolicy.none()) as made_client:
        yield made_client


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def fields(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def call(path="/x", method="get", parameters=(), responses=None, **more):
    operation = {"operationId": "call", "parameters": list(parameters), "responses": responses or returns(), **more}
    return {path: {method: operation}}


def parameter(schema, name="q", place="query", **more):
    return {"name": name, "in": place, "schema": schema, "required": True, **more}


def keyed(place, wire, security, **more):
    schemes = {"k": {"type": "apiKey", "in": place, "name": wire}, "login": {"type": "http", "scheme": "basic"}}
    return api(call(security=security, **more), components={"securitySchemes": schemes})


def test_json_of_any_type_may_have_limits_and_unions(tmp_path, stub, client):
    grid = {"type": "array", "items": {"type": "array", "items": {"type": "integer", "minimum": 1}}}
    days = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string", "format": "date"}}}
    choices = {"type": "array", "uniqueItems": True, "items": {"enum": ["a", 1]}}
    paths = {
        "/grid": {"post": {"operationId": "grid", "requestBody": body(grid), "responses": returns(days)}},
        "/choices": {"get": {"operationId": "choices", "responses": returns(choices)}},
    }
    package = Package(tmp_path, api(paths))
    stub.answer({"a": ["2026-01-31"]})

    assert client.execute(package.operations.grid([[1], [2, 3]])) == {"a": [date(2026, 1, 31)]}
    assert stub.requests[0].body == b"[[1],[2,3]]"
    with pytest.raises(InvalidArgumentError):
        package.operations.grid([[0]])
    stub.responses.clear()
    stub.answer(["a", 1])
    assert client.execute(package.operations.choices()) == ["a", 1]
    assert type_errors(tmp_path, f"import {package.name}.models, {package.name}.operations\n") == []


PETS = {
    "Cat": fields(petType={"type": "string"}, lives={"type": "integer"}),
    "Dog": fields(petType={"type": "string"}, bark={"type": "string"}),
}
PET = {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "petType"}}


def test_discriminator_works_inside_of_lists_and_as_the_whole_response(tmp_path, stub, client):
    pets = {"type": "array", "items": PET}
    paths = {
        **call("/pet", responses=returns(PET)),
        "/pets": {"get": {"operationId": "pets", "responses": returns(pets)}},
    }
    package = Package(tmp_path, api(paths, {**PETS, "Box": fields(pets=pets)}))
    cat = {"petType": "Cat", "lives": 9}
    stub.answer(cat)

    assert client.execute(package.operations.call()) == package.models.Cat(pet_type="Cat", lives=9)
    stub.responses.clear()
    stub.answer([cat, {"petType": "Dog", "bark": "loud"}])
    assert [type(pet).__name__ for pet in client.execute(package.operations.pets())] == ["Cat", "Dog"]
    assert package.models.Box.model_validate({"pets": [cat]}).pets[0].lives == 9


def test_values_of_the_property_count_more_than_names_of_schemas(tmp_path, stub, client):
    pets = {
        "Cat": fields(petType={"type": "string", "enum": ["cat"]}, lives={"type": "integer"}),
        "Dog": fields(petType={"type": "string", "enum": ["dog", "puppy"]}, bark={"type": "string"}),
    }
    package = Package(tmp_path, api(call(responses=returns(PET)), pets))
    stub.answer({"petType": "puppy", "bark": "soft"})

    assert client.execute(package.operations.call()).bark == "soft"


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({"Dog": "Cat"}, "mapping has no value for #/components/schemas/Dog"),
        ({"c": "Cat", "d": "Dog"}, "'c' is no value of the property petType of /components/schemas/Cat"),
    ],
)
def test_mapping_that_cannot_be_true_is_refused(tmp_path, mapping, complaint):
    pets = {**PETS, "Cat": fields(petType={"const": "cat"}, lives={"type": "integer"})}
    pet = {**PET, "discriminator": {"propertyName": "petType", "mapping": mapping}}

    assert complaint in refusal(tmp_path, api(call(responses=returns(pet)), pets))


def test_path_holds_constants_and_choices_and_no_dot_segments(tmp_path):
    parameters = [parameter({"const": 'v"1\\/'}, "v", "path"), parameter({"type": ["string", "integer"]}, "id", "path")]
    package = Package(tmp_path, api(call("/100%/{v}/%41 b/{id}", parameters=parameters)))

    operation = package.operations.call('v"1\\/', 7)
    assert operation.path == "/100%25/v%221%5C%2F/%41%20b/7"
    for value in ("..", ".", "", "a/b", 1.5 + 1j):
        with pytest.raises(InvalidArgumentError):
            package.operations.call('v"1\\/', value)
    assert "dot segment" in refusal(tmp_path, api(call("/{v}", parameters=[parameter({"const": ".."}, "v", "path")])))
    assert "dot segment" in refusal(tmp_path, api(call("/%2E%2e/x")))


def test_api_key_with_an_odd_name_stays_one_parameter(tmp_path):
    package = Package(tmp_path, keyed("query", "a&b=c", [{"k": []}]))

    assert package.operations.call(k="x&y").query == "a%26b%3Dc=x%26y"


@pytest.mark.parametrize(
    ("place", "wire"), [("header", "X\r\nEvil: 1"), ("header", "Host"), ("cookie", "a=b; c"), ("header", "X Y")]
)
def test_api_key_with_a_name_that_cannot_be_sent_is_refused(tmp_path, place, wire):
    assert "/components/securitySchemes/k: " in refusal(tmp_path, keyed(place, wire, [{"k": []}]))


def test_api_key_that_is_a_parameter_too_is_sent_once(tmp_path):
    parameters = [parameter({"type": "string"}, "x-key", "header", required=False), parameter({"type": "string"})]
    package = Package(tmp_path, keyed("header", "X-Key", [{"k": []}], parameters=parameters))

    assert package.operations.call(q="1", k="secret").headers == {"X-Key": "secret"}


def test_api_key_that_may_be_left_out_can_be_given(tmp_path):
    package = Package(tmp_path, keyed("header", "X-Key", [{}, {"k": []}]))

    assert package.operations.call().headers == {}
    assert package.operations.call(k="secret").headers == {"X-Key": "secret"}
    assert Package(tmp_path, keyed("header", "X-Key", [{"k": []}, {"login": []}])).operations.call().auth == "client"


def test_null_of_a_component_is_read_and_written(tmp_path, stub, client):
    schemas = {
        "Old": {**fields(x={"type": "string"}), "nullable": True},
        "New": {"type": ["object", "null"], "properties": {"x": {"type": "string"}}},
        "Word": {"type": "string", "nullable": True, "enum": ["a", None]},
        "All": fields(old=ref("Old"), new=ref("New"), word=ref("Word"), words={"type": "array", "items": ref("Word")}),
    }
    paths = call(method="post", requestBody=body(ref("All")), responses=returns(ref("Old")))
    package = Package(tmp_path, api(paths, schemas))
    stub.answer(b"null")

    every = package.models.All(old=None, new=None, word=None, words=["a", None])
    assert client.execute(package.operations.call(every)) is None
    assert json.loads(stub.requests[0].body) == {"old": None, "new": None, "word": None, "words": ["a", None]}


def test_media_types_keep_their_parameters(tmp_path, stub, client):
    media = "application/vnd.Shop+json; version=2; charset=utf-8"
    paths = call(
        method="post", requestBody=body({"type": "string"}, media), responses=returns({"type": "string"}, media)
    )
    package = Package(tmp_path, api(paths))
    stub.answer("good")

    assert client.execute(package.operations.call("text")) == "good"
    assert stub.requests[0].headers["Content-Type"] == "application/vnd.shop+json; version=2"
    assert stub.requests[0].headers["Accept"] == "application/vnd.shop+json; version=2"


def test_limits_of_whole_numbers_are_whole(tmp_path):
    schema = fields(
        a={"type": "integer", "minimum": 0.5, "maximum": 1e1}, b={"type": "integer", "exclusiveMinimum": True},
        c={"type": "integer", "minimum": 5, "exclusiveMinimum": True}, d={"type": "integer", "exclusiveMaximum": 2.5},
    )  # fmt: skip
    made = Package(tmp_path, api({}, {"A": schema})).models.A

    assert made(a=1, b=-5, c=6, d=2).a == 1
    for change in ({"a": 0}, {"a": 11}, {"c": 5}, {"d": 3}):
        with pytest.raises(ValueError, match=next(iter(change))):
            made(**{"a": 1, "b": 0, "c": 6, "d": 2, **change})


def test_names_of_members_never_collide(tmp_path):
    schema = {"type": "string", "enum": ["a", "b", "c"], "x-enum-varnames": ["name", "name_", "name_2"]}

    assert [each.value for each in Package(tmp_path, api({}, {"A": schema})).models.A] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "string", "enum": [1, 2]}, "/enum/0: this value is not of the type string"),
        ({"type": "string", "enum": []}, "/enum: an enum needs a value"),
        ({"type": "integer", "multipleOf": 0.5}, "/multipleOf: whole numbers cannot be multiples of this"),
        ({"type": "number", "multipleOf": 0}, "/multipleOf: must be larger than 0"),
        ({"type": "string", "minLength": 10**30}, "/minLength: is larger than anything"),
        ({"type": "number", "maximum": 10**400}, "/maximum: a number that is too large"),
        ({"type": "string", "pattern": "^[a-z&&[^b]]$"}, "/pattern: this pattern reads as a set operation"),
        ({"$ref": "#/components/schemas/A"}, "/components/schemas/A: the schema leads back to itself"),
        ({"$ref": "#/components/schemas/B"}, "/components/schemas/A: the schema leads back to itself"),
        ({"oneOf": [ref("A"), {"type": "string"}]}, "/components/schemas/A: the schema leads back to itself"),
        ({"allOf": [ref("A")]}, "/components/schemas/A: the schema leads back to itself"),
        ({"$ref": "#A"}, "'#A' is no JSON pointer"),
        (fields(**{"\ud800": {}}), "/components/schemas/A/properties: the text holds half of a surrogate pair"),
    ],
)
def test_schema_that_nothing_can_be_made_of_is_refused(tmp_path, schema, complaint):
    errors = refusal(tmp_path, api({}, {"A": schema, "B": ref("A")}))

    assert complaint in errors


SCHEMA_AS_RESPONSE = {"200": {"description": "", "content": {"application/json": {"type": "object"}}}}


@pytest.mark.parametrize(
    ("paths", "complaint"),
    [
        (call(responses={"200": ref("A")}), "keyword type of a response is not supported"),
        (call(responses={"200": {"$ref": "#pet"}}), "'#pet' is no JSON pointer"),
        (call(responses=SCHEMA_AS_RESPONSE), "application~1json/type: keyword type is not supported"),
        (call(method="post", requestBody=body({}, "image/*")), "a request cannot be sent as image/*"),
        (call(parameters=[parameter({}, name, "header") for name in ("X-A", "x-a")]), "the header x-a stands twice"),
        ({"/a": {"$ref": "#/components/pathItems/P", **call()["/x"]}}, "/paths/~1a: operations beside a $ref"),
    ],
)  # fmt: skip
def test_operation_that_would_lose_something_is_refused(tmp_path, paths, complaint):
    document = api(paths, {"A": fields(a={"type": "string"})}, components={"pathItems": {"P": call()["/x"]}})

    assert complaint in refusal(tmp_path, document)


def test_unknown_tag_is_an_error_of_ours(tmp_path, stub, client):
    package = Package(tmp_path, api(call(responses=returns({"type": "array", "items": PET})), PETS))
    stub.answer([{"petType": "Bird"}])

    with pytest.raises(ResponseError) as caught:
        client.execute(package.operations.call())
    assert "Bird" not in str(caught.value)

"""Changes of a document: each is generated, imported, sent to a server, and seen by a type checker."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import yaml

from generating import NEEDS_GENERATOR, ROOT, Package, api, body, refusal, returns, run_generator, serving, type_errors
from smsgate import APIClient, RetryPolicy

pytestmark = NEEDS_GENERATOR
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
ITEM = {"$ref": "#/components/schemas/Item"}
BASE = api(
    {
        "/items": {
            "get": {"operationId": "find", "parameters": [], "responses": returns({"type": "array", "items": ITEM})},
            "post": {"operationId": "save", "requestBody": body(ITEM), "responses": returns(ITEM)},
        }
    },
    {
        "Item": {"type": "object", "required": ["name"], "properties": {"name": TEXT, "size": NUMBER}},
        "Color": {"type": "string", "enum": ["red", "green"]},
    },
)


def changed():
    document = copy.deepcopy(BASE)
    schemas = document["components"]["schemas"]
    operations = document["paths"]["/items"]
    return document, schemas, operations


@pytest.fixture
def stub():
    with serving() as server:
        yield server


@pytest.fixture
def client(stub):
    with APIClient("login", "secret", base_url=stub.url, retry=RetryPolicy.none()) as made_client:
        yield made_client


def check_types(package, works, fails):
    """One program passes, the other is refused at its last line."""
    head = f"from {package.name} import models, operations\n"
    assert type_errors(package.folder, head + works) == []
    found = type_errors(package.folder, head + fails)
    assert found, "the type checker saw nothing wrong"
    assert all(int(line.split(":")[1]) == 1 + len(fails.splitlines()) for line in found), found


def test_optional_field(tmp_path, stub, client):
    document, schemas, _ = changed()
    schemas["Item"]["properties"]["note"] = TEXT
    package = Package(tmp_path, document)
    stub.answer({"name": "n", "note": "x"})

    read = client.execute(package.operations.save(package.models.Item(name="n", note="x")))

    assert stub.requests[0].body == b'{"name":"n","note":"x"}'
    assert read.note == "x"
    check_types(package, 'models.Item(name="n")\nmodels.Item(name="n", note="x")', 'models.Item(name="n", note=5)')


def test_required_field(tmp_path, stub, client):
    document, schemas, _ = changed()
    schemas["Item"]["properties"]["note"] = TEXT
    schemas["Item"]["required"].append("note")
    package = Package(tmp_path, document)
    stub.answer({"name": "n", "note": "x"})

    assert client.execute(package.operations.save(package.models.Item(name="n", note="x"))).note == "x"
    with pytest.raises(ValueError, match="note"):
        package.models.Item(name="n")
    check_types(package, 'models.Item(name="n", note="x")', 'models.Item(name="n")')


def test_enum_value(tmp_path, stub, client):
    document, schemas, _ = changed()
    schemas["Color"]["enum"].append("dark blue")
    schemas["Item"]["properties"]["color"] = {"$ref": "#/components/schemas/Color"}
    package = Package(tmp_path, document)
    stub.answer({"name": "n", "color": "a newer one"})

    item = package.models.Item(name="n", color=package.models.Color.DARK_BLUE)
    assert client.execute(package.operations.save(item)).color == "a newer one"
    assert stub.requests[0].body == b'{"name":"n","color":"dark blue"}'
    check_types(package, "print(models.Color.DARK_BLUE)", "print(models.Color.BLUE)")


def test_endpoint(tmp_path, stub, client):
    document, _, _ = changed()
    document["paths"]["/items/{id}/copies"] = {
        "post": {
            "operationId": "copyItem",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": NUMBER}],
            "responses": {"204": {"description": "Copied."}},
        }
    }
    package = Package(tmp_path, document)
    stub.answer(b"", 204)

    assert client.execute(package.operations.copy_item(7)) is None
    assert (stub.requests[0].method, stub.requests[0].target) == ("POST", "/items/7/copies")
    check_types(package, "operations.copy_item(7)", 'operations.copy_item("7")')


def test_event(tmp_path):
    document, schemas, _ = changed()
    schemas["Sold"] = {
        "type": "object",
        "required": ["event", "item"],
        "properties": {"event": {"const": "item.sold"}, "item": ITEM},
    }
    document["webhooks"] = {
        "item.sold": {"post": {"requestBody": body({"$ref": "#/components/schemas/Sold"}), "responses": returns()}}
    }
    package = Package(tmp_path, document)

    events = __import__(f"{package.name}.events").events
    assert {"item.sold": events.Sold} == events.EVENTS
    assert events.Sold.from_dict({"event": "item.sold", "item": {"name": "n"}}).item.name == "n"
    head = f"from {package.name}.events import KnownEvent, Sold\n"
    assert type_errors(tmp_path, head + "def read(event: KnownEvent) -> str:\n    return event.item.name\n") == []
    assert type_errors(tmp_path, head + "def read(event: KnownEvent) -> str:\n    return event.items\n") != []


def test_removal(tmp_path, stub, client):
    document, schemas, operations = changed()
    del schemas["Item"]["properties"]["size"]
    del operations["get"]
    package = Package(tmp_path, document)
    stub.answer({"name": "n", "size": 3})

    read = client.execute(package.operations.save(package.models.Item(name="n")))
    assert read.model_extra == {"size": 3}
    assert not hasattr(package.operations, "find")
    check_types(package, 'models.Item(name="n")', 'models.Item(name="n", size=3)')
    check_types(package, "operations.save", "operations.find()")


def test_type_change(tmp_path, stub, client):
    document, schemas, _ = changed()
    schemas["Item"]["properties"]["size"] = {"type": "array", "items": {"type": "number"}}
    package = Package(tmp_path, document)
    stub.answer({"name": "n", "size": [1, 2.5]})

    assert client.execute(package.operations.save(package.models.Item(name="n", size=[1, 2.5]))).size == [1, 2.5]
    check_types(package, 'models.Item(name="n", size=[1, 2.5])', 'models.Item(name="n", size=3)')


def test_rename(tmp_path, stub, client):
    document, schemas, operations = changed()
    properties = schemas["Item"]["properties"]
    properties["sizeInMm"] = properties.pop("size")
    operations["post"]["operationId"] = "store"
    package = Package(tmp_path, document)
    stub.answer({"name": "n", "sizeInMm": 3})

    assert client.execute(package.operations.store(package.models.Item(name="n", size_in_mm=3))).size_in_mm == 3
    assert stub.requests[0].body == b'{"name":"n","sizeInMm":3}'
    check_types(package, 'models.Item(name="n", size_in_mm=3)', 'models.Item(name="n", size=3)')
    check_types(package, "operations.store", "operations.save")


def test_parameter_with_default(tmp_path, stub, client):
    document, _, operations = changed()
    operations["get"]["parameters"] = [{"name": "pageSize", "in": "query", "schema": {**NUMBER, "default": 20}}]
    package = Package(tmp_path, document)
    stub.answer([])

    client.execute(package.operations.find())
    client.execute(package.operations.find(page_size=5))
    assert [request.target for request in stub.requests] == ["/items", "/items?pageSize=5"]
    assert "20 when absent" in package.operations.find.__doc__
    check_types(package, "operations.find(page_size=5)", 'operations.find(page_size="5")')


def test_typed_error(tmp_path, stub, client):
    from smsgate import NotFoundError

    document, schemas, operations = changed()
    schemas["Missing"] = {"type": "object", "required": ["nearest"], "properties": {"nearest": TEXT}}
    operations["get"]["responses"]["404"] = {
        "description": "None.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Missing"}}}
    }  # fmt: skip
    package = Package(tmp_path, document)
    stub.answer({"nearest": "x"}, 404)

    with pytest.raises(NotFoundError) as caught:
        client.execute(package.operations.find())
    assert caught.value.data == package.models.Missing(nearest="x")
    check_types(package, 'print(models.Missing(nearest="x").nearest)', 'print(models.Missing(nearest="x").near)')


def test_binary(tmp_path, stub, client):
    document, _, operations = changed()
    media = "application/octet-stream"
    operations["put"] = {
        "operationId": "replace", "requestBody": body({"type": "string", "format": "binary"}, media),
        "responses": returns({"type": "string", "format": "binary"}, media),
    }  # fmt: skip
    package = Package(tmp_path, document)
    stub.answer(b"\xff\x00", media=media)

    assert client.execute(package.operations.replace(b"\x00\xff")) == b"\xff\x00"
    assert stub.requests[0].body == b"\x00\xff"
    assert stub.requests[0].headers["Content-Type"] == media
    check_types(package, 'operations.replace(b"x")', 'operations.replace("x")')


def test_composed_schemas(tmp_path, stub, client):
    document, schemas, operations = changed()
    schemas["Base"] = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}
    base = {"$ref": "#/components/schemas/Base"}
    for name in ("Cat", "Dog"):
        extra = {
            "type": "object",
            "required": [name.lower()],
            "properties": {"kind": {"type": "string"}, name.lower(): NUMBER},
        }
        schemas[name] = {"allOf": [base, extra]}
    references = [{"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog")]
    schemas["Pet"] = {"oneOf": references, "discriminator": {"propertyName": "kind"}}
    schemas["Either"] = {"anyOf": [{"type": "integer"}, {"type": "null"}, base]}
    either = {"it": {"$ref": "#/components/schemas/Either"}}
    schemas["Holder"] = {"type": "object", "required": ["it"], "properties": either}
    operations["put"] = {
        "operationId": "pet", "requestBody": body({"$ref": "#/components/schemas/Pet"}),
        "responses": returns({"$ref": "#/components/schemas/Holder"}),
    }  # fmt: skip
    package = Package(tmp_path, document)
    stub.answer({"it": {"id": "b"}})

    assert client.execute(package.operations.pet(package.models.Cat(id="a", cat=1))).it.id == "b"
    assert stub.requests[0].body == b'{"id":"a","cat":1,"kind":"Cat"}'
    check_types(package, 'operations.pet(models.Dog(id="a", dog=1))', 'operations.pet(models.Base(id="a"))')


MEASURED = """
import re, resource, sys
from pathlib import Path
from smsgate.codegen.__main__ import main
code = main([sys.argv[1], "--package", "large", "--output", sys.argv[2]])
own = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]  # ru_maxrss includes the parent's peak
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(code, sum(each.ru_utime + each.ru_stime for each in used), own, used[1].ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_document_ten_times_as_large(tmp_path):
    document = yaml.safe_load((ROOT / "spec" / "smsgate.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump({"paths": document["paths"], "schemas": document["components"]["schemas"]}, sort_keys=False)
    for number in range(1, 10):
        again = yaml.safe_load(text.replace("#/components/schemas/", f"#/components/schemas/N{number}"))
        document["components"]["schemas"] |= {f"N{number}{name}": schema for name, schema in again["schemas"].items()}
        for path, item in again["paths"].items():
            for operation in item.values():
                if isinstance(operation, dict):
                    operation["operationId"] += f"_{number}"
            document["paths"][f"/n{number}{path}"] = item
    for schema in document["components"]["schemas"].values():
        for each in (schema, *schema.get("properties", {}).values()):
            each.pop("not", None)
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path), str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    code, seconds, *sizes = map(float, done.stdout.splitlines()[-1].split())
    assert code == 0, done.stderr
    assert seconds < 60  # of processor time: 13 were measured
    assert max(sizes) < 200 * 1024


@pytest.mark.parametrize(
    ("overlay", "complaint"),
    [
        ("overlay: 1.0.0\nactions: [{target: $.paths.nothing, remove: true}]", "matches nothing"),
        ("overlay: 1.0.0\nactions: [{target: '$[', remove: true}]", "is no JSONPath"),
        ("overlay: 1.0.0\nactions: [{target: $}]", "/actions/0: needs update or remove"),
        ("overlay: 3.0.0\nactions: []", "must be version 1.0"),
        ("overlay: 1.0.0\nextends: shop.yaml\nactions: []", "/extends: give this document as the first argument"),
        ("overlay: 1.0.0\nactions: [{target: $.openapi, update: {a: 1}}]", "only objects are merged"),
    ],
)
def test_overlay_that_cannot_be_applied_is_refused(tmp_path, overlay, complaint):
    (tmp_path / "overlay.yaml").write_text(overlay, encoding="utf-8")

    code, errors = run_generator("--overlay", tmp_path / "overlay.yaml", "--package", "x", "--output", tmp_path / "out")

    assert code == 2
    assert complaint in errors
    assert not (tmp_path / "out").exists()


def test_five_lines_add_a_private_field_to_our_document(tmp_path, stub, client):
    (tmp_path / "ours.yaml").write_text(
        "overlay: 1.0.0\ninfo: {title: Cost centre, version: '1'}\nactions:\n"
        "  - target: $.components.schemas.Message.properties\n    update: {costCentre: {type: string}}\n"
        "  - target: $.paths['/inbox/refresh']\n    remove: true\n",
        encoding="utf-8",
    )
    from smsgate.codegen import default_document

    package = Package(tmp_path, default_document(), tmp_path / "ours.yaml")
    stub.answer({"id": "m1", "deviceId": "d", "state": "Pending", "recipients": []}, 202)

    message = package.models.Message(phone_numbers=["+12025550101"], text_message={"text": "x"}, cost_centre="7")
    assert client.execute(package.operations.send_message(message)).id == "m1"
    assert b'"costCentre":"7"' in stub.requests[0].body
    assert not hasattr(package.operations, "refresh_inbox")
    with pytest.raises(ValueError, match="content"):
        package.models.Message(phone_numbers=["+12025550101"])


PARAMETER = {"name": "p", "in": "query", "schema": TEXT}


def with_parameter(**changes):
    return api({"/x": {"get": {"operationId": "x", "parameters": [{**PARAMETER, **changes}], "responses": returns()}}})


def with_schema(schema):
    reference = {"$ref": "#/components/schemas/A"}
    return api({"/x": {"post": {"requestBody": body(reference), "responses": returns()}}}, {"A": schema})


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (with_parameter(style="deepObject"), "/paths/~1x/get/parameters/0: style deepObject is not supported"),
        (with_parameter(schema={"type": "object"}), "objects and nested lists are not supported as parameters"),
        (with_parameter(schema={"type": "string", "minLength": -1}), "/parameters/0/schema/minLength"),
        (with_parameter(**{"in": "body"}), "path, query, header or cookie"),
        (with_parameter(**{"in": "header", "name": "a b"}), "'a b' cannot be the name of a header"),
        (with_parameter(**{"in": "header", "name": "Content-Length"}), "belongs to HTTP itself"),
        (with_schema({"type": "object", "patternProperties": {"^x": TEXT}}), "A/patternProperties: keyword"),
        (with_schema({"type": "object", "properties": {"a": {"not": TEXT}}}), "A/properties/a/not: keyword not"),
        (with_schema({"type": "object", "properties": {"a": {**NUMBER, "default": "5"}}}), "A/properties/a/default"),
        (with_schema({"type": "string", "pattern": "(?=x)"}), "A/pattern: this pattern cannot be checked"),
        (with_schema({"type": "object", "properties": {"a": TEXT}, "required": ["b"]}), "requires 'b'"),
        (with_schema({"$ref": "other.yaml#/A"}), "leaves the document"),
        (with_schema({"allOf": [{"$ref": "#/components/schemas/A"}, {"type": "object"}]}), "leads in a circle"),
        (with_schema({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}), "a condition without"),
        (api({"/x": {"trace": {"responses": returns()}}}), "/paths/~1x/trace: trace of a path is not supported"),
        (api({"/x": {"get": {"servers": [{"url": "https://b"}], "responses": returns()}}}), "get/servers: keyword"),
        (api({"/x/{y}": {"get": {"responses": returns()}}}), "the path parameter 'y' is not defined"),
        (api({"/x": {"get": {"security": [{"no": []}], "responses": returns()}}}), "'no' is not defined"),
        (api({"/x": {"get": {"responses": {"2OO": {"description": ""}}}}}), "'2OO' is no status"),
        ({"openapi": "2.9", "paths": {}}, "/openapi: must be a version 3.0 or 3.1"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_line_by_its_pointer(tmp_path, document, complaint):
    assert complaint in refusal(tmp_path, document)

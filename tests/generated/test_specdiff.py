"""specdiff: detected, tolerated and unreadable differences."""

import contextlib
import copy
import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

OURS = yaml.safe_load("""
openapi: 3.1.0
info: {title: Ours, version: "1"}
paths:
  /messages/{id}:
    get:
      security: [{basic: []}]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
      responses:
        "200":
          headers: {X-Total-Count: {schema: {type: integer}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/State"}}}
        "404": {description: unknown}
    post:
      security: [{basic: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/State"}}}
      responses: {"202": {description: taken}}
components:
  schemas:
    State:
      type: object
      required: [id]
      properties:
        id: {type: string, maxLength: 36}
        kind: {$ref: "#/components/schemas/Kind"}
        note: {type: [string, "null"]}
        size: {type: integer, exclusiveMinimum: 0}
        parts: {type: array, minItems: 1, items: {$ref: "#/components/schemas/Part"}}
        times: {type: object, additionalProperties: {type: string, format: date-time}}
    Kind: {type: string, enum: [SMS, MMS]}
    Part: {type: object, properties: {name: {type: string}}}
""")

SAME_IN_SWAGGER_2 = yaml.safe_load("""
swagger: "2.0"
info: {title: Theirs, version: "7"}
consumes: [application/json]
produces: [application/json]
security: [{basic: []}]
paths:
  /api/3rdparty/v1/message/{messageId}:
    parameters: [{name: messageId, in: path, required: true, type: string}]
    get:
      parameters: [{name: limit, in: query, type: integer, minimum: 1, maximum: 100}]
      responses:
        "200":
          headers: {x-total-count: {type: integer, format: int64}}
          schema: {$ref: "#/definitions/gateway.Answer"}
        "404": {description: unknown}
    post:
      parameters: [{name: body, in: body, required: true, schema: {$ref: "#/definitions/gateway.Answer"}}]
      responses: {"202": {description: taken}}
definitions:
  gateway.Answer:
    type: object
    required: [id]
    properties:
      id: {type: string, maxLength: 36}
      kind: {description: wrapped, allOf: [{$ref: "#/definitions/gateway.Sort"}]}
      note: {type: string, x-nullable: true}
      size: {type: integer, minimum: 0, exclusiveMinimum: true}
      parts: {type: array, minItems: 1, items: {$ref: "#/definitions/gateway.Piece"}}
      times: {type: object, additionalProperties: {type: string, format: date-time}}
  gateway.Sort: {type: string, enum: [MMS, SMS]}
  gateway.Piece: {type: object, properties: {name: {type: string}}}
""")

KNOWN = """
[names.paths]
message = "messages"

[documents.ours]
title = "Ours"
form = "openapi"
versions = ["1"]

[documents.other]
title = "Other"
form = "openapi"
versions = ["1"]
"""

ENTRY = """
[[deviation]]
pointers = [{pointers}]
ours = "36"
theirs = "40"
documents = {{ {documents} }}
reason = "because"
evidence = "seen"
"""

ID_LENGTH = "breaking: /schemas/State/properties/id/maxLength: ours 36, theirs 40 (in State)"


@pytest.fixture
def specdiff(monkeypatch, capsys, tmp_path):
    """Run the command on documents, and return its exit code and lines."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from specdiff.__main__ import main

    def run(theirs, deviations=KNOWN, ours=OURS, options=()):
        for name, content in {"ours.json": json.dumps(ours), "deviations.toml": deviations}.items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        if not isinstance(theirs, str):
            (tmp_path / "theirs.json").write_text(json.dumps(theirs), encoding="utf-8")
            theirs = str(tmp_path / "theirs.json")
        files = ["--spec", str(tmp_path / "ours.json"), "--deviations", str(tmp_path / "deviations.toml")]
        code = main([theirs, *files, *options])
        output = capsys.readouterr()
        return code, [*output.out.splitlines(), *output.err.splitlines()]

    return run


SHORT = {
    "GET": "paths /messages/{id} get",
    "POST": "paths /messages/{id} post",
    "OK": "paths /messages/{id} get responses 200",
    "SCHEMAS": "components schemas",
    "STATE": "components schemas State",
}


def changed(document, place, *, to):
    """A copy with one place set, or removed if `to` is None."""
    first, _, rest = place.partition(" ")
    *path, last = f"{SHORT.get(first, first)} {rest}".split()
    copied = copy.deepcopy(document)
    target = copied
    for step in path:
        target = target[int(step) if isinstance(target, list) else step]
    if to is None:
        del target[int(last) if isinstance(target, list) else last]
    else:
        target[last] = to
    return copied


def test_a_document_does_not_differ_from_itself(specdiff):
    assert specdiff(OURS) == (0, ["specdiff: ours: 0 unexplained, 0 explained, 0 stale entries"])


def test_the_same_api_in_swagger_2_with_other_names_does_not_differ(specdiff):
    code, lines = specdiff(SAME_IN_SWAGGER_2)

    assert (code, lines) == (0, ["specdiff: unknown document: 0 unexplained, 0 explained, 0 stale entries"])


UNDOCUMENTED = {"description": "unknown"}
TEXT_RESPONSE = {"text/plain; charset=utf-8": {"schema": {"type": "string"}}}
LIMIT = "GET parameters 1"
BODY = "POST requestBody content application/json schema"


@pytest.mark.parametrize(
    ("place", "to", "line"),
    [
        ("paths /new", {"get": {}}, "additive: /paths/new/get: ours absent, theirs present"),
        ("paths /messages/{id} post", None, "breaking: /paths/messages/{id}/post: ours present, theirs absent"),
        ("GET deprecated", True, "note: GET/deprecated: ours no, theirs yes"),
        ("GET security", [], "additive: GET/security: ours basic, theirs none"),
        ("GET security", [{"basic": []}, {"bearer": []}], "additive: GET/security: ours basic, theirs basic or bearer"),
        ("GET security", [{"basic": [], "key": []}], "breaking: GET/security: ours basic, theirs basic and key"),
        ("GET security", [{"basic": ["read"]}], "breaking: GET/security: ours basic, theirs basic(read)"),
        (f"{LIMIT} schema maximum", 500, "additive: GET/parameters/query/limit/maximum: ours 100, theirs 500"),
        (f"{LIMIT} schema maximum", 50, "breaking: GET/parameters/query/limit/maximum: ours 100, theirs 50"),
        (f"{LIMIT} schema minimum", None, "additive: GET/parameters/query/limit/minimum: ours 1, theirs none"),
        (f"{LIMIT} schema minimum", 0, "additive: GET/parameters/query/limit/minimum: ours 1, theirs 0"),
        (f"{LIMIT} schema minimum", 2, "breaking: GET/parameters/query/limit/minimum: ours 1, theirs 2"),
        (f"{LIMIT} schema default", 50, "breaking: GET/parameters/query/limit/default: ours none, theirs 50"),
        (f"{LIMIT} schema type", "number", "additive: GET/parameters/query/limit/type: ours integer, theirs number"),
        (f"{LIMIT} schema type", "string", "breaking: GET/parameters/query/limit/type: ours integer, theirs string"),
        (f"{LIMIT} deprecated", True, "note: GET/parameters/query/limit/deprecated: ours no, theirs yes"),
        (f"{LIMIT} required", True, "breaking: GET/parameters/query/limit/required: ours no, theirs yes"),
        (LIMIT, None, "breaking: GET/parameters/query/limit: ours present, theirs absent"),
        (
            "POST parameters",
            [*OURS["paths"]["/messages/{id}"]["post"]["parameters"], {"name": "skip", "in": "query"}],
            "additive: POST/parameters/query/skip: ours absent, theirs present",
        ),
        (
            "POST parameters",
            [
                *OURS["paths"]["/messages/{id}"]["post"]["parameters"],
                {"name": "skip", "in": "query", "required": True},
            ],
            "breaking: POST/parameters/query/skip: ours absent, theirs present",
        ),
        ("GET responses 404", None, "note: GET/responses/404: ours present, theirs absent"),
        ("GET responses 409", UNDOCUMENTED, "additive: GET/responses/409: ours absent, theirs present"),
        ("POST responses 202", None, "breaking: POST/responses/202: ours present, theirs absent"),
        ("OK headers", {}, "breaking: GET/responses/200/headers/x-total-count: ours present, theirs absent"),
        (
            "OK headers X-Total-Count schema type",
            "string",
            "breaking: GET/responses/200/headers/x-total-count/type: ours integer, theirs string",
        ),
        (
            "GET responses 404 content",
            TEXT_RESPONSE,
            "additive: GET/responses/404/content/text/plain: ours absent, theirs present",
        ),
        ("POST requestBody", None, "breaking: POST/requestBody: ours present, theirs absent"),
        ("POST requestBody required", False, "additive: POST/requestBody/required: ours yes, theirs no"),
        (
            "OK content application/json schema",
            {"type": "object"},
            "breaking: GET/responses/200/content/application/json/properties: ours yes, theirs no",
        ),
        (
            "STATE properties added",
            {"type": "string", "maxLength": 5, "enum": ["a", "b"]},
            "additive: STATE/properties/added: ours absent, theirs optional string, maxLength=5, one of a b (in State)",
        ),
        (
            "STATE properties note",
            None,
            "breaking: STATE/properties/note: ours optional string, nullable, theirs absent (in State)",
        ),
        (
            "STATE properties note type",
            "string",
            "breaking: STATE/properties/note/nullable: ours yes, theirs no (in State)",
        ),
        (
            "STATE properties note deprecated",
            True,
            "note: STATE/properties/note/deprecated: ours no, theirs yes (in State)",
        ),
        (
            "STATE properties id type",
            "integer",
            "breaking: STATE/properties/id/type: ours string, theirs integer (in State)",
        ),
        ("STATE properties id maxLength", 40, ID_LENGTH),
        ("STATE required", [], "breaking: STATE/properties/id/required: ours yes, theirs no (in State)"),
        (
            "STATE properties parts minItems",
            0,
            "breaking: STATE/properties/parts/minItems: ours 1, theirs none (in State)",
        ),
        (
            "STATE properties times additionalProperties type",
            "number",
            (
                "breaking: STATE/properties/times/additionalProperties/type: "
                "ours string(date-time), theirs number(date-time) (in State)"
            ),
        ),
        (
            "STATE additionalProperties",
            False,
            "breaking: /schemas/State/additionalProperties: ours allowed, theirs refused (in State)",
        ),
        (
            "SCHEMAS Part properties name pattern",
            "^a",
            "breaking: /schemas/Part/properties/name/pattern: ours none, theirs ^a (in Part)",
        ),
        (
            "SCHEMAS Kind enum",
            ["SMS", "MMS", "RCS"],
            "breaking: STATE/properties/kind/enum/RCS: ours absent, theirs present (in State)",
        ),
        (
            "SCHEMAS Kind enum",
            ["SMS"],
            "breaking: STATE/properties/kind/enum/MMS: ours present, theirs absent (in State)",
        ),
        (
            "SCHEMAS Kind",
            {"type": "string"},
            "breaking: STATE/properties/kind/enum: ours SMS MMS, theirs any (in State)",
        ),
        (
            "STATE properties kind",
            {"anyOf": [{"$ref": "#/components/schemas/Kind"}, {"type": "string"}]},
            "breaking: STATE/properties/kind/enum: ours closed, theirs open (in State)",
        ),
        (
            "STATE properties kind",
            {"type": "object", "allOf": [{"$ref": "#/components/schemas/Kind"}]},
            "breaking: STATE/properties/kind/type: ours string, theirs object & string (in State)",
        ),
        ("SCHEMAS Loose", {"type": "string"}, "note: /schemas/Loose: ours absent, theirs present"),
        (
            "servers",
            [{"url": "https://sms.example/"}],
            "additive: /servers/https://sms.example: ours absent, theirs present",
        ),
    ],
)
def test_one_change_is_one_line(specdiff, place, to, line):
    line = line.replace("GET/", "/paths/messages/{id}/get/").replace("POST/", "/paths/messages/{id}/post/")

    code, lines = specdiff(changed(OURS, place, to=to))

    assert (code, lines) == (
        1,
        [line.replace("STATE/", "/schemas/State/"), "specdiff: ours: 1 unexplained, 0 explained, 0 stale entries"],
    )


def documents_of_one_schema(schema):
    """A document whose one operation sends the schema, and one whose one operation receives it."""
    content = {"content": {"application/json": {"schema": schema}}}
    sending = {"post": {"requestBody": content, "responses": {"204": {}}}}
    receiving = {"get": {"responses": {"200": content}}}
    return [
        {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/x": each}}
        for each in (sending, receiving)
    ]


@pytest.mark.parametrize(
    ("one", "other", "severities"),
    [
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 9}, ("additive", "breaking")),
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 3}, ("breaking", "note")),
        ({"type": "string"}, {"type": ["string", "null"]}, ("additive", "breaking")),
        ({"type": "integer"}, {"type": "number"}, ("additive", "breaking")),
        ({"type": "string"}, {"type": "string", "format": "uuid"}, ("breaking", "note")),
        ({"type": "string"}, {"type": "boolean"}, ("breaking", "breaking")),
        ({"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}, ("breaking", "breaking")),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, ("additive", "breaking")),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, ("breaking", "note")),
        (
            {"anyOf": [{"enum": ["a"]}, {"type": "string"}]},
            {"anyOf": [{"enum": ["a", "b"]}, {"type": "string"}]},
            ("additive", "additive"),
        ),
        ({"type": "string", "default": "a"}, {"type": "string", "default": "b"}, ("breaking", "note")),
        ({"type": "object"}, {"type": "object", "additionalProperties": False}, ("breaking", "note")),
        ({"type": "object", "additionalProperties": False}, {"type": "object"}, ("additive", "additive")),
        (
            {"type": "object", "properties": {"a": {}}},
            {"type": "object", "properties": {"a": {}}, "required": ["a"]},
            ("breaking", "additive"),
        ),
        (
            {"type": "object", "properties": {"a": {}}, "required": ["a"]},
            {"type": "object", "properties": {"a": {}}},
            ("additive", "breaking"),
        ),
        (
            {"type": "object", "properties": {"a": {}}},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"]},
            ("breaking", "additive"),
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
            {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
            ("breaking", "breaking"),
        ),
    ],
)
def test_severity_depends_on_who_sends(specdiff, one, other, severities):
    pairs = zip(documents_of_one_schema(one), documents_of_one_schema(other), strict=True)

    found = [[line.partition(":")[0] for line in specdiff(theirs, ours=ours)[1][:-1]] for ours, theirs in pairs]

    assert found == [[severity] for severity in severities]


def test_bearer_tokens_of_swagger_2_are_those_of_openapi_3(specdiff):
    scheme = {"type": "http", "scheme": "bearer"}
    ours = changed(changed(OURS, "components securitySchemes", to={"basic": scheme}), "info title", to="T")
    key = {"type": "apiKey", "in": "header", "name": "Authorization"}
    theirs = {**SAME_IN_SWAGGER_2, "securityDefinitions": {"basic": key}}

    assert specdiff(theirs, ours=ours)[0] == 0


def test_servers_of_swagger_2_and_openapi_3_are_compared_without_the_mount_point(specdiff):
    ours = {**OURS, "servers": [{"url": "https://sms.example/api/3rdparty/v1"}]}
    theirs = {**SAME_IN_SWAGGER_2, "host": "sms.example", "basePath": "/", "schemes": ["https", "http"]}

    assert specdiff(theirs, ours=ours)[1][:-1] == ["additive: /servers/http://sms.example: ours absent, theirs present"]


def test_requests_of_webhooks_are_received(specdiff):
    def document(maximum):
        schema = {"type": "string", "maxLength": maximum}
        hook = {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}
        return {**OURS, "webhooks": {"event": hook}}

    longer, shorter = specdiff(document(9), ours=document(5))[1], specdiff(document(3), ours=document(5))[1]

    assert [longer[0].partition(":")[0], shorter[0].partition(":")[0]] == ["breaking", "note"]


def test_a_list_that_excludes_values_is_a_list_of_the_others(specdiff):
    kinds = {"type": "array", "items": {"$ref": "#/components/schemas/Kind"}}
    ours = changed(OURS, "STATE properties kinds", to={**kinds, "not": {"contains": {"enum": ["MMS"]}}})
    theirs = changed(OURS, "STATE properties kinds", to=kinds)

    code, lines = specdiff(theirs, ours=ours)

    assert code == 1
    assert lines[:-1] == [
        "breaking: /schemas/State/properties/kinds/items/enum/MMS: ours absent, theirs present (in State)",
    ]


def test_choices_between_objects_are_compared_by_what_any_of_them_may_have(specdiff):
    choices = [
        {
            "type": "object",
            "required": ["event", "at"],
            "properties": {"event": {"const": "a"}, "at": {"type": "string"}},
        },
        {"type": "object", "required": ["event"], "properties": {"event": {"const": "b"}}},
    ]
    ours = changed(OURS, "SCHEMAS Event", to={"oneOf": choices})
    envelope = {
        "type": "object",
        "required": ["event"],
        "properties": {"event": {"type": "string", "enum": ["a"]}, "at": {"type": "string"}},
    }
    theirs = changed(OURS, "SCHEMAS Envelope", to=envelope)

    code, lines = specdiff(theirs, KNOWN + '[names.schemas]\nEnvelope = "Event"\n', ours)

    assert code == 1
    assert lines[:-1] == ["note: /schemas/Event/properties/event/enum/b: ours present, theirs absent (in Envelope)"]


def test_a_schema_that_contains_itself_is_compared_once(specdiff):
    ours = changed(OURS, "SCHEMAS Part properties inner", to={"$ref": "#/components/schemas/Part"})
    theirs = changed(ours, "SCHEMAS Part properties name type", to="integer")

    code, lines = specdiff(theirs, ours=ours)

    assert code == 1
    assert lines[:-1] == ["breaking: /schemas/Part/properties/name/type: ours string, theirs integer (in Part)"]


def test_a_difference_seen_through_two_of_their_schemas_is_two_lines(specdiff):
    twin = changed(OURS, "SCHEMAS Twin", to=OURS["components"]["schemas"]["State"])
    reference = {"$ref": "#/components/schemas/Twin"}
    both = changed(twin, "GET responses 200 content application/json schema", to=reference)
    theirs = changed(both, "SCHEMAS Kind enum", to=["SMS"])

    code, lines = specdiff(theirs)

    assert code == 1
    assert lines[:-1] == [
        "breaking: /schemas/State/properties/kind/enum/MMS: ours present, theirs absent (in State)",
        "note: /schemas/State/properties/kind/enum/MMS: ours present, theirs absent (in Twin)",
    ]


LONGER_ID = changed(OURS, "STATE properties id maxLength", to=40)


def entry(*pointers, documents="ours = 1"):
    return KNOWN + ENTRY.format(pointers=", ".join(map(json.dumps, pointers)), documents=documents)


@pytest.mark.parametrize(
    "pointers",
    [
        ["/schemas/State/properties/id/maxLength"],
        ["/schemas/State/properties/{id,name}/maxLength"],
        ["/schemas/*/properties/id/maxLength"],
        ["/schemas/**/maxLength"],
        ["/elsewhere", "/schemas/State/properties/id/maxLength"],
    ],
)
def test_an_entry_explains_what_its_pointers_match(specdiff, pointers):
    assert specdiff(LONGER_ID, entry(*pointers)) == (
        0,
        ["specdiff: ours: 0 unexplained, 1 explained, 0 stale entries"],
    )


def test_explained_differences_are_shown_when_asked_for(specdiff):
    code, lines = specdiff(LONGER_ID, entry("/schemas/**/maxLength"), options=["--all"])

    assert (code, lines[0]) == (0, f"explained: {ID_LENGTH.partition(' ')[2]} [because] [seen]")


@pytest.mark.parametrize(
    ("pointer", "length"),
    [
        ("/schemas/State/properties/*/minLength", 40),
        ("/schemas/*/maxLength", 40),
        ("/schemas/State/properties/id/maxLength", 41),
    ],
    ids=["another limit", "one segment too few", "another value"],
)
def test_a_narrow_entry_leaves_other_differences_alone(specdiff, pointer, length):
    theirs = changed(OURS, "STATE properties id maxLength", to=length)

    code, lines = specdiff(theirs, entry(pointer))

    assert (code, lines) == (
        1,
        [
            f"breaking: /schemas/State/properties/id/maxLength: ours 36, theirs {length} (in State)",
            f"stale entry: {pointer}: explains 0 differences of ours, the entry says 1",
            "specdiff: ours: 1 unexplained, 0 explained, 1 stale entries",
        ],
    )


def test_an_entry_that_explains_nothing_any_more_is_stale(specdiff):
    assert specdiff(OURS, entry("/schemas/State/properties/id/maxLength")) == (
        1,
        [
            "stale entry: /schemas/State/properties/id/maxLength: explains 0 differences of ours, the entry says 1",
            "specdiff: ours: 0 unexplained, 0 explained, 1 stale entries",
        ],
    )


def test_an_entry_that_explains_another_number_of_differences_is_stale(specdiff):
    code, lines = specdiff(LONGER_ID, entry("/schemas/**/maxLength", documents="ours = 2"))

    assert (code, lines[0]) == (
        1,
        "stale entry: /schemas/**/maxLength: explains 1 differences of ours, the entry says 2",
    )


def test_a_complaint_about_a_long_entry_names_its_first_place(specdiff):
    code, lines = specdiff(OURS, entry("/schemas/State/a", "/schemas/State/b", "/schemas/State/c"))

    assert (code, lines[0]) == (
        1,
        "stale entry: /schemas/State/a and 2 more: explains 0 differences of ours, the entry says 1",
    )


def test_an_entry_about_another_document_neither_explains_nor_is_stale(specdiff):
    other = entry("/schemas/State/properties/id/maxLength", documents="other = 1")

    assert specdiff(OURS, other)[0] == 0
    assert specdiff(LONGER_ID, other) == (
        1,
        [ID_LENGTH, "specdiff: ours: 1 unexplained, 0 explained, 0 stale entries"],
    )


def test_for_a_newer_version_entries_explain_but_are_never_stale(specdiff):
    deviations = entry("/schemas/State/properties/id/maxLength", documents="ours = 3, other = 1")

    for document in (OURS, LONGER_ID):
        newer = changed(document, "info version", to="2")
        assert specdiff(newer, deviations)[0] == 0

    newer = changed(changed(LONGER_ID, "info version", to="2"), "paths /new", to={"get": {"responses": {}}})
    assert specdiff(newer, deviations) == (
        1,
        [
            "additive: /paths/new/get: ours absent, theirs present",
            "specdiff: unknown document: 1 unexplained, 1 explained, 0 stale entries",
        ],
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[1, 2", "neither JSON nor YAML: while parsing a flow sequence"),
        ("just words", "neither an OpenAPI 3.x nor a Swagger 2 document"),
        ("{}", "neither an OpenAPI 3.x nor a Swagger 2 document"),
        ('{"openapi": "4.0.0", "paths": {"/a": {}}}', "neither an OpenAPI 3.x nor a Swagger 2 document"),
        ('{"swagger": "1.2", "paths": {"/a": {}}}', "neither an OpenAPI 3.x nor a Swagger 2 document"),
        ('{"openapi": "3.0.1", "info": {}}', "describes no paths"),
        ('{"openapi": "3.0.1", "paths": []}', "paths is no object"),
        ('{"openapi": "3.0.1", "paths": {"/a": {"get": {"parameters": {}}}}}', "/a get parameters is no list"),
        ('{"openapi": "3.0.1", "paths": {"/a": {"$ref": "#/nowhere"}}}', "#/nowhere leads nowhere"),
        ('{"openapi": "3.0.1", "paths": {"/a": {"$ref": "other.yaml"}}}', "other.yaml leads out of the document"),
        ('{"openapi": "3.0.1", "paths": {"/a": {"$ref": "#/paths/~1a"}}}', "#/paths/~1a refers to itself"),
    ],
)
def test_an_unreadable_document_is_one_line_and_exit_code_2(specdiff, tmp_path, content, complaint):
    broken = tmp_path / "broken.yaml"
    broken.write_text(content, encoding="utf-8")

    code, lines = specdiff(str(broken))

    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"specdiff: {broken}: {complaint}")


def test_a_schema_that_consists_of_itself_is_refused(specdiff):
    circle = {"allOf": [{"$ref": "#/components/schemas/Kind"}]}

    code, lines = specdiff(changed(OURS, "SCHEMAS Kind", to=circle))

    assert (code, len(lines)) == (2, 1)
    assert lines[0].endswith("theirs.json: #/components/schemas/Kind contains itself")


def test_a_wrong_file_name_is_one_line_and_exit_code_2(specdiff, tmp_path):
    missing = str(tmp_path / "missing.json")

    assert specdiff(missing) == (2, [f"specdiff: {missing}: No such file or directory"])
    assert specdiff(str(tmp_path)) == (2, [f"specdiff: {tmp_path}: Is a directory"])


def test_a_file_that_is_no_text_is_one_line_and_exit_code_2(specdiff, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\xff")

    assert specdiff(str(picture)) == (2, [f"specdiff: {picture}: not a text in UTF-8"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[deviation", "Expected"),
        ('[[deviation]]\nreason = "no place"', "every deviation has a list of pointers"),
        ('[[deviation]]\npointers = ["/a"]\nours = "1"', "/a: besides pointers and documents an entry has the texts"),
        (entry("/a", documents="strange = 1"), "/a: documents holds a count for one or more of ours, other"),
        (entry("/a", documents='ours = "1"'), "/a: documents holds a count for one or more of ours, other"),
        (entry("/a").replace('"because"', '" "'), "/a: besides pointers and documents an entry has the texts"),
        ('[documents.x]\ntitle = "x"', "documents.x: a document has title, form and a list of versions"),
        ("names = 5", "names has tables of schemas and paths"),
        ('[names]\npaths = ["a"]', "names has tables of schemas and paths"),
    ],
)
def test_a_broken_file_of_deviations_is_one_line_and_exit_code_2(specdiff, tmp_path, text, complaint):
    code, lines = specdiff(OURS, text)

    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"specdiff: {tmp_path / 'deviations.toml'}: {complaint}")


def test_yaml_with_numbers_as_statuses_is_read(specdiff, tmp_path):
    text = yaml.safe_dump(OURS).replace("'200':", "200:").replace("'404':", "404:").replace("'202':", "202:")
    (tmp_path / "theirs.yaml").write_text(text, encoding="utf-8")

    assert specdiff(str(tmp_path / "theirs.yaml"))[0] == 0


def test_yaml_with_dates_as_defaults_is_read(specdiff, tmp_path):
    theirs = changed(OURS, "STATE properties note default", to="2026-01-01")
    text = yaml.safe_dump(theirs).replace("'2026-01-01'", "2026-01-01")
    (tmp_path / "theirs.yaml").write_text(text, encoding="utf-8")

    _, lines = specdiff(str(tmp_path / "theirs.yaml"))

    assert lines[0] == "breaking: /schemas/State/properties/note/default: ours none, theirs 2026-01-01 (in State)"


class _Web(BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"/openapi.json": json.dumps(OURS).encode(), "/large.json": bytes(1 << 20)}.get(
            self.path.partition("?")[0]
        )
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/openapi.json")
        elif self.path == "/circle":
            self.send_response(302)
            self.send_header("Location", "/circle")
        else:
            self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_document_is_fetched_from_the_web(specdiff, web):
    assert specdiff(f"http://{web}/openapi.json")[0] == 0
    assert specdiff(f"http://{web}/redirect")[0] == 0
    assert specdiff(f"http://{web}/missing.json") == (
        2,
        [f"specdiff: http://{web}/missing.json: the server responded with 404"],
    )
    assert specdiff(f"http://{web}/circle")[0] == 2


def test_an_unreachable_address_is_one_line_and_exit_code_2(specdiff):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/openapi.json"
        code, lines = specdiff(url)

    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"specdiff: {url}: ")


def test_a_download_is_bounded_in_size(specdiff, web):
    from specdiff.download import DownloadError, download

    with pytest.raises(DownloadError, match="larger than"):
        download(f"http://{web}/large.json", size_limit=1000)


def endless_response(connection):
    """Headers that go on for ever, a few bytes at a time: no single wait is long."""
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-A: b\r\n")
            time.sleep(0.05)


def test_a_download_is_bounded_in_time_however_slowly_it_goes_on(specdiff):
    from specdiff.download import DownloadError, download

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: endless_response(listener.accept()[0]))
        thread.start()
        with pytest.raises(DownloadError, match=r"not complete after 0\.5 seconds"):
            download(f"http://127.0.0.1:{listener.getsockname()[1]}/", time_limit=0.5)
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://me:s3cret@{web}/missing.json",
        "http://me:s3cret@{web}/large.json",
        "http://s3cret@{web}/missing.json",
        "http://me:s3cret/x@{web}/missing.json",
        "http://me:s3cret?x@{web}/missing.json",
        "http://me:s3cret#x@{web}/missing.json",
        "http://me:s3cret@x@{web}/missing.json",
        "http://me:s3cret@[nonsense/missing.json",
        "http://{web}/missing.json?token=s3cret",
        "http://{web}/missing.json#s3cret",
        "HTTP://me:s3cret@{web}/missing.json",
        "http://me:s3cret@127.0.0.1:1/missing.json?token=s3cret",
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_credentials_in_a_url_are_not_shown(specdiff, web, url, form):
    code, lines = specdiff(url.format(web=web), options=["--format", form])

    assert (code, len(lines)) == (2, 1)
    assert "s3cret" not in lines[0]


def test_aliases_that_multiply_are_refused(specdiff, tmp_path):
    lines = ["openapi: 3.1.0", "a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]" for i in range(9)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines), encoding="utf-8")

    code, output = specdiff(str(tmp_path / "bomb.yaml"))

    assert (code, len(output)) == (2, 1)
    assert "more than 1,000,000 values" in output[0]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5_000])
def test_deep_nesting_is_refused(specdiff, tmp_path, text):
    (tmp_path / "deep.yaml").write_text(text, encoding="utf-8")

    code, output = specdiff(str(tmp_path / "deep.yaml"))

    assert (code, len(output)) == (2, 1)


def test_maps_and_lists_that_contain_themselves_have_an_end(specdiff):
    node = {"$ref": "#/components/schemas/Node"}
    ours = changed(OURS, "SCHEMAS Node", to={"type": "object", "additionalProperties": node})
    ours = changed(ours, "STATE properties tree", to=node)
    theirs = changed(ours, "SCHEMAS Node", to={"type": "array", "items": node})

    assert specdiff(ours, ours=ours)[0] == 0
    assert specdiff(theirs, ours=ours)[0] == 1


@pytest.mark.parametrize("growing", [False, True])
def test_choices_that_contain_themselves_in_several_ways_have_an_end(specdiff, growing):
    node = {"$ref": "#/components/schemas/Node"}
    choices = [{"type": "array", "items": node}, {"type": "object", "additionalProperties": node}]
    more = {"allOf": [{"properties": {"a": {"anyOf": [node, {"items": node}]}, "b": node}}]} if growing else {}
    ours = changed(OURS, "SCHEMAS Node", to={"anyOf": choices, **more})
    ours = changed(ours, "STATE properties tree", to=node)
    theirs = changed(ours, "SCHEMAS Node", to={"anyOf": [*choices, {"type": "string"}], **more})

    code, lines = specdiff(theirs, ours=ours)

    if growing:
        assert (code, len(lines)) == (2, 1)
        assert lines[0].endswith("the schemas contain each other in too many ways")
    else:
        assert code == 1
        assert any("tree/type: ours array | object, theirs array | object | string" in line for line in lines)


def test_choices_that_multiply_are_refused(specdiff):
    ours = OURS
    for level in range(40):
        reference = {"$ref": f"#/components/schemas/L{level + 1}"}
        ours = changed(ours, f"SCHEMAS L{level}", to={"anyOf": [reference, reference]})
    ours = changed(ours, "SCHEMAS L40", to={"type": "string"})

    code, lines = specdiff(changed(ours, "STATE properties note", to={"$ref": "#/components/schemas/L0"}))

    assert (code, len(lines)) == (2, 1)
    assert lines[0].endswith("the schemas contain each other in too many ways")


def test_deep_choices_are_refused(specdiff, tmp_path):
    text = json.dumps(changed(OURS, "STATE properties note", to={"allOf": ["deep"]}))
    levels = 5000  # more than any Python allows; json.dumps could not write them
    path = tmp_path / "deep.json"
    path.write_text(text.replace('"deep"', '{"allOf": [' * levels + '{"type": "string"}' + "]}" * levels))

    code, lines = specdiff(str(path))

    assert (code, len(lines)) == (2, 1)
    assert lines[0].endswith("nested too deeply")


JUNK = [
    None,
    True,
    5,
    -1.5,
    "x",
    "",
    [],
    {},
    [1],
    ["a"],
    {"a": 1},
    [[]],
    {"$ref": 5},
    {"allOf": [{}]},
    {"enum": [None]},
]
JUNK += [{"$ref": "#/components/schemas/State"}, {"type": "null"}, "#/x"]


def nodes(value, path=()):
    yield path
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from nodes(child, (*path, key))


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_whatever_stands_in_a_document_ends_with_an_exit_code(specdiff, form):
    chance = random.Random(form)
    for _ in range(100):
        document = copy.deepcopy(chance.choice([OURS, SAME_IN_SWAGGER_2]))
        for _ in range(chance.randint(1, 3)):
            *path, last = chance.choice([each for each in nodes(document) if each])
            target = document
            for step in path:
                target = target[step]
            target[last] = copy.deepcopy(chance.choice(JUNK))

        assert specdiff(document, options=["--format", form])[0] in {0, 1, 2}


@pytest.mark.parametrize(
    ("place", "to", "fails_on"),
    [
        ("POST responses 202", None, ["note", "additive", "breaking"]),
        ("paths /new", {"get": {}}, ["note", "additive"]),
        ("GET deprecated", True, ["note"]),
    ],
)
def test_fail_on_chooses_what_gives_exit_code_1(specdiff, place, to, fails_on):
    theirs = changed(OURS, place, to=to)
    levels = ["note", "additive", "breaking", "never"]

    assert [each for each in levels if specdiff(theirs, options=["--fail-on", each])[0]] == fails_on
    assert [each for each in levels if specdiff(OURS, options=["--fail-on", each])[0]] == []


def test_a_stale_entry_counts_as_a_note(specdiff):
    stale = entry("/schemas/State/properties/id/maxLength")

    assert [specdiff(OURS, stale, options=["--fail-on", each])[0] for each in ("note", "additive")] == [1, 0]


def test_json_report(specdiff):
    theirs = changed(LONGER_ID, "paths /new", to={"get": {}})
    known = entry("/schemas/**/maxLength", "/gone", documents="ours = 2")

    code, lines = specdiff(theirs, known, options=["--format", "json", "--all"])
    report = json.loads("\n".join(lines))

    assert code == 1
    assert report["counts"] == {"unexplained": 1, "explained": 1, "stale": 1}
    new = {"severity": "additive", "pointer": "/paths/new/get", "ours": "absent", "theirs": "present", "origin": ""}
    assert report["differences"][0] == new
    assert report["differences"][1]["reason"] == "because"
    assert report["stale"] == ["/schemas/**/maxLength and 1 more: explains 1 differences of ours, the entry says 2"]


def test_github_report_is_one_command_a_difference_whatever_the_document_says(specdiff):
    theirs = {**OURS, "paths": {**OURS["paths"], "/evil%0A::error::x\n::stop-commands::y": {"get": {}}}}

    _, lines = specdiff(theirs, options=["--format", "github"])

    assert len(lines) == 2
    assert lines[0].startswith("::warning file=")
    assert lines[0].endswith("::/paths/evil%250A::error::x%0A::stop-commands::y/get: ours absent, theirs present")


def test_control_characters_of_a_document_are_shown_escaped(specdiff):
    theirs = {**OURS, "paths": {**OURS["paths"], "/evil\nspecdiff: fine\x1b[2J": {"get": {}}}}

    _, lines = specdiff(theirs)
    _, commands = specdiff(theirs, options=["--format", "github"])

    assert all(line.isprintable() for line in commands)
    assert lines[0] == r"additive: /paths/evil\nspecdiff: fine\x1b[2J/get: ours absent, theirs present"


def test_sarif_report(specdiff):
    theirs = changed(changed(LONGER_ID, "paths /new", to={"get": {}}), "POST responses 202", to=None)
    known = entry("/schemas/**/maxLength", documents="ours = 2")

    _, lines = specdiff(theirs, known, options=["--format", "sarif", "--all"])
    report = json.loads("\n".join(lines))

    (run,) = report["runs"]
    assert report["version"] == "2.1.0"
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [
        ("breaking", "error"),
        ("additive", "warning"),
        ("stale-entry", "note"),
        ("breaking", "note"),
    ]
    assert {each["ruleId"] for each in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert all(rule["fullDescription"]["text"] and rule["help"]["text"] for rule in run["tool"]["driver"]["rules"])
    fingerprints = {each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]}
    assert len(fingerprints) == len(run["results"])  # the same line, but not the same alert
    assert all(each["locations"][0]["physicalLocation"]["region"]["startLine"] == 1 for each in run["results"])
    assert run["results"][-1]["suppressions"] == [{"kind": "external", "justification": "because"}]
    assert run["results"][1]["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "/paths/new/get"}]

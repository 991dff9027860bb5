"""scripts/specdiff: what it sees, what it forgives, and what it says about documents that it cannot read."""

import copy
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
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

ID_LENGTH = "/schemas/State/properties/id/maxLength: ours 36, theirs 40 (in State)"


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


@pytest.mark.parametrize(
    ("place", "to", "line"),
    [
        ("paths /new", {"get": {}}, "/paths/new/get: ours absent, theirs present"),
        ("paths /messages/{id} post", None, "/paths/messages/{id}/post: ours present, theirs absent"),
        ("GET security", [], "GET/security: ours required, theirs none"),
        ("GET parameters 1 schema maximum", 500, "GET/parameters/query/limit/maximum: ours 100, theirs 500"),
        ("GET parameters 1 required", True, "GET/parameters/query/limit/required: ours no, theirs yes"),
        ("GET parameters 1", None, "GET/parameters/query/limit: ours present, theirs absent"),
        ("GET responses 404", None, "GET/responses/404: ours present, theirs absent"),
        ("OK headers", {}, "GET/responses/200/headers/x-total-count: ours present, theirs absent"),
        (
            "OK headers X-Total-Count schema type",
            "string",
            "GET/responses/200/headers/x-total-count/type: ours integer, theirs string",
        ),
        (
            "GET responses 404 content",
            {"text/plain; charset=utf-8": {"schema": {"type": "string"}}},
            "GET/responses/404/content/text/plain: ours absent, theirs present",
        ),
        ("POST requestBody", None, "POST/requestBody: ours present, theirs absent"),
        ("POST requestBody required", False, "POST/requestBody/required: ours yes, theirs no"),
        (
            "OK content application/json schema",
            {"type": "object"},
            "GET/responses/200/content/application/json/properties: ours yes, theirs no",
        ),
        (
            "STATE properties added",
            {"type": "string", "maxLength": 5, "enum": ["a", "b"]},
            "STATE/properties/added: ours absent, theirs optional string, maxLength=5, one of a b (in State)",
        ),
        (
            "STATE properties note",
            None,
            "STATE/properties/note: ours optional string, nullable, theirs absent (in State)",
        ),
        ("STATE properties note type", "string", "STATE/properties/note/nullable: ours yes, theirs no (in State)"),
        ("STATE properties id type", "integer", "STATE/properties/id/type: ours string, theirs integer (in State)"),
        ("STATE properties id maxLength", 40, ID_LENGTH),
        ("STATE required", [], "STATE/properties/id/required: ours yes, theirs no (in State)"),
        ("STATE properties parts minItems", 0, "STATE/properties/parts/minItems: ours 1, theirs none (in State)"),
        (
            "STATE properties times additionalProperties",
            {"type": "string"},
            "STATE/properties/times/additionalProperties/type: ours string(date-time), theirs string (in State)",
        ),
        (
            "SCHEMAS Part properties name pattern",
            "^a",
            "/schemas/Part/properties/name/pattern: ours none, theirs ^a (in Part)",
        ),
        (
            "SCHEMAS Kind enum",
            ["SMS", "MMS", "RCS"],
            "STATE/properties/kind/enum/RCS: ours absent, theirs present (in State)",
        ),
        ("SCHEMAS Kind enum", ["SMS"], "STATE/properties/kind/enum/MMS: ours present, theirs absent (in State)"),
        ("SCHEMAS Kind", {"type": "string"}, "STATE/properties/kind/enum: ours SMS MMS, theirs any (in State)"),
        (
            "STATE properties kind",
            {"anyOf": [{"$ref": "#/components/schemas/Kind"}, {"type": "string"}]},
            "STATE/properties/kind/enum: ours closed, theirs open (in State)",
        ),
        (
            "STATE properties kind",
            {"type": "object", "allOf": [{"$ref": "#/components/schemas/Kind"}]},
            "STATE/properties/kind/type: ours string, theirs object & string (in State)",
        ),
        ("SCHEMAS Loose", {"type": "string"}, "/schemas/Loose: ours absent, theirs present"),
    ],
)
def test_one_change_is_one_line(specdiff, place, to, line):
    line = line.replace("GET/", "/paths/messages/{id}/get/").replace("POST/", "/paths/messages/{id}/post/")

    code, lines = specdiff(changed(OURS, place, to=to))

    assert (code, lines) == (
        1,
        [line.replace("STATE/", "/schemas/State/"), "specdiff: ours: 1 unexplained, 0 explained, 0 stale entries"],
    )


def test_a_list_that_excludes_values_is_a_list_of_the_others(specdiff):
    kinds = {"type": "array", "items": {"$ref": "#/components/schemas/Kind"}}
    ours = changed(OURS, "STATE properties kinds", to={**kinds, "not": {"contains": {"enum": ["MMS"]}}})
    theirs = changed(OURS, "STATE properties kinds", to=kinds)

    code, lines = specdiff(theirs, ours=ours)

    assert code == 1
    assert lines[:-1] == [
        "/schemas/State/properties/kinds/items/enum/MMS: ours absent, theirs present (in State)",
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
    assert lines[:-1] == ["/schemas/Event/properties/event/enum/b: ours present, theirs absent (in Envelope)"]


def test_a_schema_that_contains_itself_is_compared_once(specdiff):
    ours = changed(OURS, "SCHEMAS Part properties inner", to={"$ref": "#/components/schemas/Part"})
    theirs = changed(ours, "SCHEMAS Part properties name type", to="integer")

    code, lines = specdiff(theirs, ours=ours)

    assert code == 1
    assert lines[:-1] == ["/schemas/Part/properties/name/type: ours string, theirs integer (in Part)"]


def test_a_difference_seen_through_two_of_their_schemas_is_two_lines(specdiff):
    twin = changed(OURS, "SCHEMAS Twin", to=OURS["components"]["schemas"]["State"])
    reference = {"$ref": "#/components/schemas/Twin"}
    both = changed(twin, "GET responses 200 content application/json schema", to=reference)
    theirs = changed(both, "SCHEMAS Kind enum", to=["SMS"])

    code, lines = specdiff(theirs)

    assert code == 1
    assert lines[:-1] == [
        "/schemas/State/properties/kind/enum/MMS: ours present, theirs absent (in State)",
        "/schemas/State/properties/kind/enum/MMS: ours present, theirs absent (in Twin)",
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

    assert (code, lines[0]) == (0, f"explained: {ID_LENGTH} [because] [seen]")


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
            f"/schemas/State/properties/id/maxLength: ours 36, theirs {length} (in State)",
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
            "/paths/new/get: ours absent, theirs present",
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


class _Web(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(OURS).encode()
        self.send_response(200 if self.path == "/openapi.json" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_document_is_fetched_from_the_web(specdiff):
    server = HTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        found = specdiff(f"{base}/openapi.json")
        missing = specdiff(f"{base}/missing.json")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert found[0] == 0
    assert missing == (2, [f"specdiff: {base}/missing.json: the server answered 404"])


def test_an_unreachable_address_is_one_line_and_exit_code_2(specdiff):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/openapi.json"
        code, lines = specdiff(url)

    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"specdiff: {url}: ")

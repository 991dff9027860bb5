"""Hostile documents: whatever their texts hold, the generated package imports, and none of it runs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from generating import NEEDS_GENERATOR, Package, api, body, returns, run_generator
from smsgate.runtime.types import Operation

pytestmark = NEEDS_GENERATOR
MARK = "planted_by_a_document"
EVIL = [
    f'"""\nimport sys; sys.{MARK} = 1\n"""',
    f"'); __import__('sys').__setattr__('{MARK}', 1) #",
    f"\"); __import__('sys').__setattr__('{MARK}', 1) #",
    f"{{__import__('sys').__setattr__('{MARK}', 1)}}",
    f'\\"""\nimport sys\nsys.{MARK} = 1\n',
    f"a\rimport sys; sys.{MARK} = 1\u2028\u0085\x0c\x00b\\",
    "\u202eevil\u2066 \ud800 \N{SNOWMAN} \\N{DASH} \\x41 {0} %s",
    "class", "None", "__class__", "__init__", "self", "Model", "models", "encode", "", "1", "\\", "'", '"', "\n",
]  # fmt: skip


def wrapped(text):
    """A document with a text at every place that could reach source."""
    texts = {"title": text, "summary": text, "description": text}
    name = text or "x"
    schema = {
        "type": "object",
        **texts,
        "properties": {
            name: {"type": "string", **texts, "default": text},
            "choice": {"type": "string", "enum": [text, f"{text}2"], "default": text, **texts},
            "constant": {"const": text, **texts},
            "list": {"type": "array", "items": {"type": "string"}, "default": [text]},
            "map": {"type": "object", "additionalProperties": {"type": "string"}, "default": {text: text}},
            "free": {"default": {text: [text, 1, None, True, 0.5]}},
        },
    }
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "default": text, **texts}, "description": text},
        {"name": "choice", "in": "query", "schema": {"enum": [text, f"{text}3", True]}, "description": text},
    ]
    operation = {
        "operationId": name, "summary": text, "description": text, "x-scope": text, "parameters": parameters,
        "deprecated": True,
        "requestBody": {**body({"$ref": "#/components/schemas/A"}), "description": text},
        "responses": {**returns({"type": "object", "properties": {name: {"type": "string"}}}),
            "404": {"description": text}},
    }  # fmt: skip
    event = {"type": "object", "properties": {"event": {"const": text}}, **texts}
    path = "".join(character for character in name if character not in "?#{}")
    document = api({f"/{path}": {"post": operation}})
    document["components"]["schemas"] = {"A": schema, f"{name}B": schema, "E": event}
    document["webhooks"] = {name: {"post": {"requestBody": body({"$ref": "#/components/schemas/E"})}}}
    document["info"] |= texts
    return document


def check(folder, document):
    """Generate; returns whether it was accepted. Either way nothing of the document has run."""
    path = folder / "hostile.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    code, errors = run_generator(path, "--package", "hostile", "--output", folder)
    assert code in {0, 2}, errors
    assert not hasattr(sys, MARK)
    if code == 2:
        assert len(errors.splitlines()) == 1, errors
        return False
    program = f"import sys, hostile.models, hostile.operations, hostile.events; assert not hasattr(sys, {MARK!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return True


@pytest.mark.parametrize("number", range(len(EVIL)))
def test_text_that_would_be_code_stays_text(tmp_path, number):
    is_accepted = check(tmp_path, wrapped(EVIL[number]))

    if is_accepted:
        calls = {
            ast.unparse(node.func)
            for path in (tmp_path / "hostile").glob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert not {call for call in calls if "sys" in call or "import__" in call}


@pytest.mark.parametrize("text", ["plain", EVIL[0], EVIL[1], EVIL[2], EVIL[3]])
def test_values_arrive_unchanged(tmp_path, text):
    package = Package(tmp_path, wrapped(text))

    made = package.models.A()
    by_wire = {field.alias or name: getattr(made, name) for name, field in package.models.A.model_fields.items()}
    assert by_wire[text] == text
    assert by_wire["choice"] == text
    assert by_wire["list"] == [text]
    assert by_wire["map"] == {text: text}
    assert by_wire["free"] == {text: [text, 1, None, True, 0.5]}
    (call,) = (getattr(package.operations, name) for name in package.operations.__all__)
    assert isinstance(call(made), Operation)
    assert call(made).scope == text


BILLION = "\n".join(
    ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
).encode()
TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(EVIL) | st.text("\"'\\\n{}#;()_ a", max_size=12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_any_text_is_generated_or_refused(tmp_path_factory, text):
    check(tmp_path_factory.mktemp("any"), wrapped(text))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, *b]", "/openapi: must be a version"),
        (BILLION, "too large or nested too deeply"),
        (b"a: &a [*a]", "too large or nested too deeply"),
        (b"[" * 100_000, "neither JSON nor YAML"),
        (b'{"a":' * 100_000, "neither JSON nor YAML"),
        (b"a: !!python/object/apply:os.system [true]", "neither JSON nor YAML"),
        (b"\xff\xfe", "neither JSON nor YAML"),
        (b"- 1", "must be an object"),
    ],
)  # fmt: skip
def test_document_that_is_no_document_is_refused_in_one_line(tmp_path, content, complaint):
    (tmp_path / "bad.yaml").write_bytes(content)

    code, errors = run_generator(tmp_path / "bad.yaml", "--package", "bad", "--output", tmp_path / "out")

    assert code == 2
    assert complaint in errors
    assert len(errors.splitlines()) == 1

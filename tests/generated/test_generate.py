"""Generation: unchanged committed package, and clear errors for mistakes."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = ROOT / "src" / "smsgate" / "codegen" / "templates"

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the code generators need Python 3.11"),
    pytest.mark.skipif(
        any(
            importlib.util.find_spec(name) is None
            for name in ("datamodel_code_generator", "openapi_python_client", "yaml", "ruff")
        ),
        reason="the code generators are not installed",
    ),
]


def generate(*arguments, seed="0"):
    command = [sys.executable, str(ROOT / "scripts" / "generate.py"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=500)


def texts(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def bakery(tmp_path_factory):
    output = tmp_path_factory.mktemp("golden") / "bakery"
    done = generate("--spec", GOLDEN / "spec.yaml", "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def changed(tmp_path, old, new):
    """The golden spec with one place changed."""
    text = (GOLDEN / "spec.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "spec.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_committed_package_is_what_the_spec_and_templates_generate():
    done = generate("--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["models", "events", "operations"])
def test_golden_spec_gives_golden_code(bakery, name):
    made = (bakery / f"{name}.py").read_text(encoding="utf-8")
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert made == expected, f"if this is meant: generate from golden/spec.yaml and copy {name}.py to {name}.txt"


def test_output_is_the_same_bytes_whatever_the_hash_seed(bakery, tmp_path):
    done = generate("--spec", GOLDEN / "spec.yaml", "--output", tmp_path / "again", seed="4242")
    assert done.returncode == 0, done.stderr
    assert texts(tmp_path / "again") == texts(bakery)


def test_check_names_every_missing_changed_and_extra_file_and_touches_none(bakery, tmp_path):
    output = tmp_path / "bakery"
    shutil.copytree(bakery, output)
    (output / "models.py").write_text("# edited by hand\n", encoding="utf-8")
    (output / "operations.py").unlink()
    (output / "extra.py").write_text("", encoding="utf-8")
    before = texts(output)

    done = generate("--check", "--spec", GOLDEN / "spec.yaml", "--output", output)

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.rpartition("/")[2] for line in lines[:-1]] == [
        "extra.py: not generated",
        "models.py: differs",
        "operations.py: missing",
    ]
    assert texts(output) == before


def test_writing_repairs_what_check_complains_about(bakery, tmp_path):
    output = tmp_path / "bakery"
    shutil.copytree(bakery, output)
    (output / "models.py").unlink()
    (output / "extra.py").write_text("", encoding="utf-8")

    done = generate("--spec", GOLDEN / "spec.yaml", "--output", output)

    assert done.returncode == 0, done.stderr
    assert texts(output) == texts(bakery)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'schema: {$ref: "#/components/schemas/Cake"}}}\n      responses:',
            "schema: {type: object}}}\n      responses:",
            "POST /cakes: inline schema of application/json",
        ),
        (
            'schema: {type: array, items: {$ref: "#/components/schemas/Cake"}}',
            "schema: {type: array, items: {type: object}}",
            "GET /cakes: inline schema of application/json",
        ),
        (
            '{name: state, in: query, schema: {$ref: "#/components/schemas/CakeState"}}',
            "{name: state, in: query, schema: {type: string, enum: [a, b]}}",
            "GET /cakes: inline schema of parameter state",
        ),
        ("x-repeat: settle", "x-repeat: perhaps", "POST /cakes: x-repeat must be one of"),
        ("      security: []\n", "", "GET /oven: needs its own security"),
        ("x-enum-varnames: [RAW, Baked, FIRST]", "x-enum-varnames: [RAW]", "enum CakeState: needs one x-enum-varnames"),
        ("x-enum-varnames: [RAW, Baked, FIRST]", 'x-enum-varnames: [RAW, Baked, "1st"]', "must be Python names"),
        ("operationId: list_cakes", "operationId: listCakes", "needs an operationId that is a Python name"),
        ("/cakes/{id}:", "/cakes/{id}.json:", "the path has more than plain segments"),
    ],
)
def test_breach_of_a_rule_of_the_spec_is_refused_by_name(tmp_path, old, new, complaint):
    done = generate("--spec", changed(tmp_path, old, new), "--output", tmp_path / "out")

    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "tool"),
    [
        ("size: {type: integer,", "size: {type: string, format: unheard-of,", "datamodel-codegen"),
        (
            '$ref: "#/components/schemas/CakeBaked"}\n    ',
            '$ref: "#/components/schemas/Nothing"}\n    ',
            "openapi-python-client",
        ),
        ("application/octet-stream", "application/zip", "openapi-python-client"),
    ],
)
def test_warning_of_a_tool_stops_generation(tmp_path, old, new, tool):
    done = generate("--spec", changed(tmp_path, old, new), "--output", tmp_path / "out")

    assert done.returncode == 1
    assert f"{tool} failed or warned" in done.stderr
    assert not (tmp_path / "out").exists()


def test_code_that_does_not_import_is_not_written(tmp_path):
    templates = tmp_path / "templates"
    shutil.copytree(TEMPLATES, templates)
    with (templates / "operations" / "api_init.py.jinja").open("a", encoding="utf-8") as operations:
        operations.write("\nimport a_module_that_is_not_there as there\n\nNAME = there.name\n")

    done = generate("--spec", GOLDEN / "spec.yaml", "--templates", templates, "--output", tmp_path / "out")

    assert done.returncode == 1
    assert "a_module_that_is_not_there" in done.stderr
    assert not (tmp_path / "out").exists()


def test_old_python_gets_one_clear_sentence(monkeypatch, capsys):
    from smsgate.codegen import __main__ as command

    monkeypatch.setattr(command.sys, "version_info", (3, 10, 0))

    assert command.main([]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "The code generators need Python 3.11 or newer; the generated code itself runs on 3.10."
    ]


def test_events_are_tabled_by_name_and_every_module_lists_its_names():
    from smsgate_api import events, models, operations, settings

    assert events.EVENTS["sms:received"] is events.SmsReceived
    assert set(events.EVENTS) == {event.value for event in models.WebhookEvent}
    assert set(events.EVENTS.values()) == set(events.KnownEvent.__args__)
    assert all(hasattr(module, name) for module in (events, models, operations, settings) for name in module.__all__)


def test_webhook_without_a_component_as_its_body_is_refused(tmp_path):
    document = changed(tmp_path, '{application/json: {schema: {$ref: "#/components/schemas/CakeBaked"}}}', "{}")

    done = generate("--spec", document, "--output", tmp_path / "out")

    assert done.returncode == 1
    assert "/webhooks/cake:baked: needs a JSON body whose schema is a component" in done.stderr


def test_rules_of_our_document_do_not_reach_a_schema_of_the_same_name(tmp_path):
    document = changed(tmp_path, "    Crumb:\n", "    Message:\n")
    document.write_text(document.read_text(encoding="utf-8").replace("schemas/Crumb", "schemas/Message"), "utf-8")

    done = generate("--spec", document, "--output", tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert "class Message(Model)" in (tmp_path / "out" / "models.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[bases]\n", "unknown section bases"),
        ('[positional]\n"Cake" = "name"\n', "Cake is no pointer to a component schema"),
        ('[modules]\ncakes = "/components/schemas/Cake"\n', "[modules] knows settings only"),
        ("[positional\n", "spec.codegen.toml: "),
    ],
)
def test_mistake_in_the_configuration_beside_a_document_is_named(tmp_path, text, complaint):
    shutil.copy(GOLDEN / "spec.yaml", tmp_path / "spec.yaml")
    (tmp_path / "spec.codegen.toml").write_text(text, encoding="utf-8")

    done = generate("--spec", tmp_path / "spec.yaml", "--output", tmp_path / "out")

    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr

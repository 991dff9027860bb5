"""scripts/generate.py: the committed package is what the spec says, and mistakes are loud."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the code generator needs Python 3.11"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("jsonpath", "yaml", "ruff")),
        reason="the code generator's tools are not installed",
    ),
]


def run(*command, seed="0"):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = [sys.executable, *map(str, command)]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=500)


def generate(spec, output, *arguments, seed="0"):
    command = ("-m", "smsgate.codegen", spec, "--package", "bakery", "--output", output, *arguments)
    return run(*command, seed=seed)


def texts(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def bakery(tmp_path_factory):
    output = tmp_path_factory.mktemp("golden")
    done = generate(GOLDEN / "spec.yaml", output)
    assert done.returncode == 0, done.stderr
    return output / "bakery"


def changed(tmp_path, old, new):
    """The golden spec with one place changed, and its configuration."""
    text = (GOLDEN / "spec.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "spec.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    shutil.copy(GOLDEN / "spec.codegen.toml", tmp_path)
    return path


def test_committed_package_is_what_the_spec_generates():
    done = run(ROOT / "scripts" / "generate.py", "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["models", "events", "operations"])
def test_golden_spec_gives_golden_code(bakery, name):
    made = (bakery / f"{name}.py").read_text(encoding="utf-8")
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert made == expected, f"if this is meant: generate from golden/spec.yaml and copy {name}.py to {name}.txt"


def test_module_of_types_has_the_names_of_the_run_time():
    from smsgate.runtime import types as runtime
    from smsgate_api import types

    assert {"Operation", "Page", "UnreadableError", "schema_lock"} <= set(types.__all__)
    assert all(getattr(types, name) is getattr(runtime, name) for name in types.__all__)


def test_output_is_the_same_bytes_whatever_the_hash_seed(bakery, tmp_path):
    done = generate(GOLDEN / "spec.yaml", tmp_path, seed="4242")
    assert done.returncode == 0, done.stderr
    assert texts(tmp_path / "bakery") == texts(bakery)


def test_check_names_every_missing_changed_and_left_over_file_and_touches_none(bakery, tmp_path):
    output = tmp_path / "bakery"
    shutil.copytree(bakery, output)
    (output / "models.py").write_text("# edited by hand\n", encoding="utf-8")
    (output / "operations.py").unlink()
    shutil.copy(output / "events.py", output / "settings.py")
    (output / "own.py").write_text("# written by hand\n", encoding="utf-8")
    before = texts(output)

    done = generate(GOLDEN / "spec.yaml", tmp_path, "--check")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "bakery/models.py: differs",
        "bakery/operations.py: missing",
        "bakery/settings.py: left over",
    ]
    assert texts(output) == before


def test_writing_repairs_what_check_complains_about_and_leaves_other_files_alone(bakery, tmp_path):
    output = tmp_path / "bakery"
    shutil.copytree(bakery, output)
    (output / "models.py").unlink()
    shutil.copy(output / "events.py", output / "settings.py")
    (output / "own.py").write_text("# written by hand\n", encoding="utf-8")

    done = generate(GOLDEN / "spec.yaml", tmp_path)

    assert done.returncode == 0, done.stderr
    assert texts(output) == {**texts(bakery), "own.py": b"# written by hand\n"}


def test_file_that_was_not_generated_is_never_replaced(tmp_path):
    (tmp_path / "bakery").mkdir()
    (tmp_path / "bakery" / "models.py").write_text("# written by hand\n", encoding="utf-8")

    done = generate(GOLDEN / "spec.yaml", tmp_path)

    assert done.returncode == 2
    assert "models.py was not generated; it is left as it is" in done.stderr
    assert texts(tmp_path / "bakery") == {"models.py": b"# written by hand\n"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("x-repeat: settle", "x-repeat: perhaps", "/paths/~1cakes/post/x-repeat: x-repeat must be one of"),
        (
            "x-enum-varnames: [RAW, Baked, FIRST]",
            "x-enum-varnames: [RAW]",
            "/components/schemas/CakeState/x-enum-varnames: needs one x-enum-varnames",
        ),
        (
            "x-enum-varnames: [RAW, Baked, FIRST]",
            'x-enum-varnames: [RAW, Baked, "1st"]',
            "/components/schemas/CakeState/x-enum-varnames/2: x-enum-varnames must be Python names",
        ),
        ("/cakes/{id}:", "/cakes/{number}:", "the path parameter 'number' is not defined"),
        ('$ref: "#/components/schemas/CakeBaked"}\n    ', '$ref: "#/components/schemas/No"}\n    ', "leads nowhere"),
        ("size: {type: integer,", "size: {type: whole,", "/properties/size: unknown type 'whole'"),
        (
            '{application/json: {schema: {$ref: "#/components/schemas/CakeBaked"}}}',
            "{}",
            "/webhooks/cake:baked: needs a JSON body with an object as its schema",
        ),
    ],
)
def test_mistake_in_a_document_is_refused_by_its_pointer(tmp_path, old, new, complaint):
    done = generate(changed(tmp_path, old, new), tmp_path / "out")

    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_old_python_gets_one_clear_sentence(monkeypatch, capsys):
    from smsgate.codegen import __main__ as command

    monkeypatch.setattr(command.sys, "version_info", (3, 10, 0))

    assert command.main([]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "The code generator needs Python 3.11 or newer; the generated code itself runs on 3.10."
    ]


def test_events_are_listed_by_name_and_every_module_lists_its_names():
    from smsgate_api import events, models, operations, settings

    assert events.EVENTS["sms:received"] is events.SmsReceived
    assert set(events.EVENTS) == {event.value for event in models.WebhookEvent}
    assert set(events.EVENTS.values()) == set(events.KnownEvent.__args__)
    assert all(hasattr(module, name) for module in (events, models, operations, settings) for name in module.__all__)


def test_rules_of_our_document_do_not_reach_a_schema_of_the_same_name(tmp_path):
    document = changed(tmp_path, "    Crumb:\n", "    Message:\n")
    document.write_text(document.read_text(encoding="utf-8").replace("schemas/Crumb", "schemas/Message"), "utf-8")

    done = generate(document, tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert "class Message(Model)" in (tmp_path / "out" / "bakery" / "models.py").read_text(encoding="utf-8")


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

    done = generate(tmp_path / "spec.yaml", tmp_path / "out")

    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr

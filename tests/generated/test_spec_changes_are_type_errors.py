"""A changed type in the spec is a type error in hand-written code, before anything runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from generation import ROOT, generate_package, read_spec

pytest.importorskip("mypy")
CHECKED = ["tests/typing/keywords.py", *(f"src/smsgate/_async/{name}.py" for name in ("messages", "inbox", "account"))]
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def property_of(spec, model, name):
    return spec["components"]["schemas"][model]["properties"][name]


CHANGED = {
    "ttl": ("Message", "ttl", TEXT),
    "sim_number": ("Message", "simNumber", TEXT),
    "priority": ("Message", "priority", TEXT),
    "id": ("Message", "id", NUMBER),
    "device_id": ("Message", "deviceId", NUMBER),
    "with_delivery_report": ("Message", "withDeliveryReport", TEXT),
    "valid_until": ("Message", "validUntil", TEXT),
    "schedule_at": ("Message", "scheduleAt", NUMBER),
    "phone_numbers": ("Message", "phoneNumbers", {"type": "array", "items": NUMBER}),
    "text": ("TextMessage", "text", NUMBER),
    "scopes": ("TokenRequest", "scopes", {"type": "array", "items": NUMBER}),
    "url": ("Webhook", "url", NUMBER),
}
"""Words of the type errors, and the field that each changes: to another type, its description kept."""


def changed_spec():
    spec = read_spec()
    for model, name, schema in CHANGED.values():
        field = property_of(spec, model, name)
        description = field.get("description", "")
        field.clear()
        field.update(schema, description=description)
    for parameter in spec["paths"]["/messages"]["get"]["parameters"]:
        if parameter.get("name") == "limit":
            parameter["schema"] = TEXT
    return spec


@pytest.fixture(scope="module")
def type_errors(tmp_path_factory):
    """The lines of mypy about hand-written code, with a package generated from a changed spec in the place of ours."""
    folder = tmp_path_factory.mktemp("changed")
    output = generate_package(changed_spec(), folder)
    config = folder / "mypy.ini"
    config.write_text(
        f"[mypy]\nstrict = True\nfollow_imports = silent\nexplicit_package_bases = True\n"
        f"mypy_path = {output}:{ROOT / 'src'}\ncache_dir = {folder / 'cache'}\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), *CHECKED]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("word", CHANGED)
def test_changed_field_is_a_type_error(type_errors, word):
    lines = [line for line in type_errors if line.startswith("tests/typing/keywords.py")]
    source = (ROOT / "tests" / "typing" / "keywords.py").read_text(encoding="utf-8").splitlines()
    numbers = [int(re.match(r"[^:]+:(\d+):", line)[1]) for line in lines]

    assert any(re.search(rf"\b{word}\b", source[number - 1]) for number in numbers), "\n".join(type_errors)


def test_changed_query_parameter_is_a_type_error(type_errors):
    lines = [line for line in type_errors if line.startswith("src/smsgate/_async/messages.py")]

    assert any('"limit" to "list_messages"' in line for line in lines), "\n".join(type_errors)

"""Spec compared with two published documents, unchanged and modified."""

import copy
import json
import os
import random
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec"
REFERENCE = Path(os.environ.get("SMSGATE_REFERENCE", ROOT.parent / "shared" / "reference"))
PUBLISHED = ["upstream-swagger.json", "upstream-server-swagger.json"]
LIMITS = {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}


def published(name):
    path = REFERENCE / name
    if not path.exists():
        pytest.skip("the published documents are not part of the repository")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def against_our_spec(monkeypatch, capsys, tmp_path):
    """Compare with the real spec, turned into JSON once because YAML takes its time."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from specdiff.__main__ import main

    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    ours.write_text(json.dumps(yaml.safe_load((SPEC / "smsgate.yaml").read_text(encoding="utf-8"))), encoding="utf-8")

    def run(document):
        theirs.write_text(json.dumps(document), encoding="utf-8")
        code = main([str(theirs), "--spec", str(ours), "--deviations", str(SPEC / "deviations.toml")])
        return code, capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_difference_from_the_published_documents_is_explained(against_our_spec, name):
    code, lines = against_our_spec(published(name))

    assert (code, len(lines)) == (0, 1), "\n".join(lines)


def schemas_in_use(document):
    """The parts of a document that its operations reach."""
    definitions = document.get("definitions") or document["components"]["schemas"]
    reached, pending = [], list(document["paths"].values())
    seen = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            reached.append(value)
            name = str(value.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                pending.append(definitions[name])
            pending.extend(child for key, child in value.items() if key != "example")
        elif isinstance(value, list):
            pending.extend(value)
    return reached


def mutations(document):
    """Every single change to a field, an enum, a `required` or a limit: a sentence and a function that makes it."""
    for schema in schemas_in_use(document):
        fields = schema.get("properties")
        if isinstance(fields, dict) and schema.get("type") == "object":
            for name in fields:
                yield f"drop {name} of {sorted(fields)}", lambda fields=fields, name=name: fields.pop(name)
                yield f"flip required {name} of {sorted(fields)}", lambda s=schema, name=name: flip(s, name)
        if isinstance(schema.get("enum"), list):
            for index, value in enumerate(schema["enum"]):
                yield f"rename {value}", lambda s=schema, i=index: s["enum"].__setitem__(i, "Renamed")
        for limit in LIMITS & schema.keys():
            if isinstance(schema[limit], int):
                yield f"{limit} {schema[limit]} + 1", lambda s=schema, k=limit: s.__setitem__(k, s[k] + 1)


def flip(schema, name):
    required = set(schema.get("required", [])) ^ {name}
    schema["required"] = sorted(required)


@pytest.mark.parametrize("name", PUBLISHED)
def test_any_change_to_a_published_document_is_noticed(against_our_spec, name):
    document = published(name)
    count = sum(1 for _ in mutations(document))
    unnoticed = []

    for chosen in random.Random(20260825).sample(range(count), 60):
        mutant = copy.deepcopy(document)
        sentence, mutate = list(mutations(mutant))[chosen]
        mutate()
        if against_our_spec(mutant)[0] != 1:
            unnoticed.append(sentence)

    assert count > 200
    assert unnoticed == []

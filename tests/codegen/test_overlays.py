"""Overlays: exactly what was targeted changes, once; anything else is refused in one line."""

from __future__ import annotations

import copy
import json

import pytest

from generating import NEEDS_GENERATOR, api, returns, run_generator

pytestmark = NEEDS_GENERATOR
PARAMETERS = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in "abcd"]
DOCUMENT = api(
    {"/x": {"get": {"operationId": "x", "tags": ["p", "q"], "parameters": PARAMETERS, "responses": returns()}}},
    tags=[{"name": "one"}, {"name": "two"}],
)
LIST = "$.paths['/x'].get.parameters"


def applied(folder, *actions):
    from smsgate.codegen._overlay import apply_overlay

    path = folder / "overlay.json"
    path.write_text(json.dumps({"overlay": "1.0.0", "info": {}, "actions": list(actions)}), encoding="utf-8")
    before = copy.deepcopy(DOCUMENT)
    changed = apply_overlay(DOCUMENT, str(path))
    assert before == DOCUMENT
    return changed


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (f"{LIST}[0,0]", "bcd"), (f"{LIST}[-1]", "abc"), (f"{LIST}[0,-1]", "bc"), (f"{LIST}[::-1]", ""),
        (f"{LIST}[1:3]", "ad"), (f"{LIST}[?@.name=='b' || @.name=='d']", "ac"), (f"{LIST}[0] | {LIST}[0]", "bcd"),
        (f"{LIST}[*]", ""),
    ],
)  # fmt: skip
def test_items_are_removed_once_each(tmp_path, target, left):
    changed = applied(tmp_path, {"target": target, "remove": True})

    assert "".join(each["name"] for each in changed["paths"]["/x"]["get"]["parameters"]) == left


def test_value_that_is_matched_twice_is_updated_once(tmp_path):
    changed = applied(tmp_path, {"target": "$['tags','tags']", "update": {"name": "three"}})

    assert [each["name"] for each in changed["tags"]] == ["one", "two", "three"]


def test_actions_follow_each_other_and_removal_wins(tmp_path):
    changed = applied(
        tmp_path,
        {"target": "$.info", "update": {"x-new": {"a": [1]}}},
        {"target": "$.info['x-new']", "update": {"a": [2], "b": None}},
        {"target": "$.tags", "update": {"name": "never"}, "remove": True},
    )

    assert changed["info"]["x-new"] == {"a": [1, 2], "b": None}
    assert "tags" not in changed


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        ({"target": "$.paths.~", "remove": True}, "/actions/0: target $.paths.~ matches names, not values"),
        ({"target": "$.~tags", "update": {}}, "matches names, not values"),
        ({"target": "", "remove": True}, "target is no JSONPath: it begins with $"),
        ({"target": "tags", "remove": True}, "target is no JSONPath: it begins with $"),
        ({"target": "$" + ".a" * 5000, "remove": True}, "target cannot be followed (RecursionError)"),
        ({"target": "$[?length(@)>1e400]", "remove": True}, "target cannot be followed"),
        ({"target": "$[", "remove": True}, "target is no JSONPath"),
        ({"target": "$.nothing", "remove": True}, "target $.nothing matches nothing"),
        ({"target": "$", "remove": True}, "the whole document cannot be removed"),
        ({"target": "$.tags", "upate": {}}, "/actions/0/upate: keyword upate is not supported"),
        ({"target": "$.info.title", "update": "x"}, "/actions/0/update: only objects are merged"),
        ({"target": "$", "update": {"openapi": "2.0"}}, "/openapi: must be a version 3.0 or 3.1"),
        ({"target": "$.openapi", "remove": True}, "/openapi: must be a version 3.0 or 3.1"),
        ({"target": "$.paths", "update": {"\u001b[31m\n": 1}}, "?[31m?: must be an object"),
    ],
)
def test_action_without_a_clear_effect_is_refused_in_one_line(tmp_path, action, complaint):
    (tmp_path / "spec.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    path = tmp_path / "overlay.json"
    path.write_text(json.dumps({"overlay": "1.0.0", "info": {}, "actions": [action]}), encoding="utf-8")
    output = tmp_path / "out"

    code, errors = run_generator(tmp_path / "spec.json", "--overlay", path, "--package", "made", "--output", output)

    assert (code, len(errors.splitlines()), output.exists()) == (2, 1, False), errors
    assert complaint in errors
    assert errors[:-1].isprintable()

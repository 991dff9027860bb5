"""Requests that schemathesis makes of our spec, sent to running emulators in both modes.

The checks that the real servers fail are switched off, each with its reason; the guide on the emulator names them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from smsgate.testing import make_gateway, serve

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis, and so Python 3.11")
pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")

from schemathesis.checks import CHECKS  # noqa: E402 - it may be missing
from schemathesis.config import SchemathesisConfig  # noqa: E402 - it may be missing

SPEC = Path(__file__).parents[2] / "spec" / "smsgate.yaml"

FAILED_BY_THE_REAL_SERVERS = {
    "negative_data_rejection": "null counts as absent, and so do empty times of a query",
    "positive_data_acceptance": "rules between fields, which no schema expresses, and devices that do not exist",
    "unsupported_method": "a wrong method is a 404 of the cloud server; a phone's 405 has no Allow header",
    "missing_required_header": "a refresh with a password instead of a token is a 403",
}
FAILED_BY_PHONES = ["content_type_conformance", "response_schema_conformance"]
"""Checks that fail on a 404 or 401 of a phone, which has no body."""
NOT_ON_THE_CLOUD = ["list_inbox", "get_logs", "download_attachment"]  # 501, and no route
NOT_ON_A_PHONE = ["list_devices", "delete_device", "replace_settings", "health_live", "health_ready", "health_startup"]
DIFFERENT_ON_A_PHONE = ["get_settings", "patch_settings"]  # it shows the URL of its server, which the cloud hides
EXAMPLES = int(os.environ.get("SMSGATE_EXAMPLES", "3"))
"""Random examples for each operation, besides the systematic ones."""


def schema(without):
    options = {
        "seed": 1,
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
        "checks": {name: {"enabled": False} for name in FAILED_BY_THE_REAL_SERVERS},
    }
    loaded = schemathesis.openapi.from_path(SPEC, config=SchemathesisConfig.from_dict(options))
    return loaded.exclude(operation_id=without)


@pytest.fixture(scope="module")
def cloud():
    with serve(make_gateway({"devices": 2, "seed": 1})) as server:
        yield server


@pytest.fixture(scope="module")
def phone():
    with serve(make_gateway({"mode": "local", "seed": 1})) as server:
        yield server


@schema(NOT_ON_THE_CLOUD).parametrize()
def test_schemathesis_finds_nothing_in_the_cloud_server(case, cloud):
    case.call_and_validate(base_url=cloud.url, auth=(cloud.login, cloud.password))


@schema(NOT_ON_A_PHONE + DIFFERENT_ON_A_PHONE).parametrize()
def test_schemathesis_finds_nothing_in_the_server_of_a_phone(case, phone):
    response = case.call(base_url=phone.url, auth=(phone.login, phone.password))

    excluded = [] if response.content else CHECKS.get_by_names(FAILED_BY_PHONES)
    case.validate_response(response, excluded_checks=excluded)


def test_guide_names_the_checks_that_are_switched_off():
    guide = (SPEC.parents[1] / "docs" / "guides" / "emulator.md").read_text("utf-8")
    table = guide[guide.index("| check |") :].split("\n\n")[0]

    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [*FAILED_BY_THE_REAL_SERVERS]

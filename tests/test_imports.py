"""Modules that imports load: users load only what they use."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import pytest

LIBRARIES = {"httpx", "requests", "aiohttp", "pyreqwest", "anyio", "trio", "cryptography", "fastapi", "starlette"}


def loaded_by(statement):
    after = "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    code = f"import sys; before = set(sys.modules)\n{statement}\n{after}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_importing_the_package_loads_only_the_package():
    ours = {name for name in loaded_by("import smsgate") if name.startswith("smsgate")}

    assert ours == {"smsgate"}
    assert "pydantic" not in loaded_by("import smsgate")


def test_importing_a_client_loads_no_http_library_crypto_or_framework():
    loaded = loaded_by("from smsgate import APIClient, domain")

    assert "pydantic" in loaded
    assert not loaded & LIBRARIES


def test_importing_the_asynchronous_client_adds_only_anyio():
    assert not loaded_by("from smsgate import AsyncAPIClient") & (LIBRARIES - {"anyio"})


def test_importing_webhooks_and_emulator_core_loads_no_server():
    loaded = loaded_by("import smsgate.webhooks; import smsgate.emulator")

    assert not loaded & {"uvicorn", "starlette", "fastapi"}


def test_settings_of_devices_are_loaded_when_one_is_asked_for():
    assert "smsgate_api.settings" not in loaded_by("from smsgate import APIClient, domain")
    assert "smsgate_api.settings" in loaded_by("from smsgate.domain import SettingsMessages")
    assert "smsgate_api.settings" in loaded_by("from smsgate_api.models import DeviceSettings")


def test_modules_that_load_late_refuse_unknown_names():
    misspelt = "DeviceSetings"

    for module in ("smsgate.domain", "smsgate_api.models"):
        with pytest.raises(AttributeError, match=f"module '{module}' has no attribute '{misspelt}'"):
            getattr(import_module(module), misspelt)

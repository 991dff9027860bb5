"""Public names and signatures, compared with a reviewed snapshot.

After a wanted change write the snapshot anew: ``SNAPSHOT=write pytest tests/test_public_api.py``.
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import smsgate
from smsgate_api import models

SNAPSHOT = Path(__file__).parent / "public_api.txt"
OFFICIAL = [
    "APIClient", "AsyncAPIClient", "AsyncHttpClient", "DataMessage", "Device", "DeviceSettings", "Encryptor",
    "HealthCheck", "HealthResponse", "HealthStatus", "HttpClient", "IncomingMessage", "IncomingMessageAttachment",
    "InboxQueryFilter", "InboxRefreshRequest", "LimitPeriod", "LogEntry", "LogEntryPriority", "Message",
    "MessagePriority", "MessagesExportRequest", "MessagesProcessingOrder", "MessagesQueryFilter", "MessageState",
    "MmsBatchDownloadedPayload", "MmsBatchReceivedPayload", "MmsDownloadedAttachment", "MmsDownloadedPayload",
    "MmsReceivedPayload", "ProcessState", "QueryPagination", "RecipientState", "SettingsEncryption",
    "SettingsGateway", "SettingsLogs", "SettingsMessages", "SettingsPing", "SettingsWebhooks", "SimSelectionMode",
    "SmsBatchDataReceivedPayload", "SmsBatchReceivedPayload", "SmsDataReceivedPayload", "SmsReceivedPayload",
    "TextMessage", "TokenRequest", "TokenResponse", "Webhook", "WebhookDelivery", "WebhookEvent",
]  # fmt: skip


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the snapshot holds the pyreqwest backend, which needs 3.11")
def test_public_api_is_that_of_the_snapshot(monkeypatch):
    scripts = SNAPSHOT.parent.parent / "scripts"
    monkeypatch.syspath_prepend(str(scripts))
    changes, snapshot = (importlib.import_module(f"apidiff.{name}") for name in ("changes", "snapshot"))
    # In a process of its own, because fixtures replace methods of this one.
    command = [sys.executable, "-m", "apidiff", "--print"]
    current = subprocess.run(command, cwd=scripts, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    if os.environ.get("SNAPSHOT") == "write":
        SNAPSHOT.write_text(current)

    written = SNAPSHOT.read_text()

    assert [str(change) for change in changes.compare(snapshot.read(written), snapshot.read(current))] == []
    assert current == written


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_name_of_the_official_client_is_here(name):
    assert name in smsgate.__all__
    assert getattr(smsgate, name) is not None


def test_listing_names_and_asking_for_unknown_ones():
    assert set(smsgate.__all__) <= set(dir(smsgate))
    assert smsgate.__version__ == smsgate.constants.VERSION
    with pytest.raises(AttributeError, match="no attribute"):
        _ = smsgate.nonsense


def test_type_checkers_and_the_interpreter_see_the_same_names():
    tree = ast.parse(Path(sys.modules["smsgate"].__file__).read_text())
    checked = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    aliases = [(statement.module, alias) for statement in checked.body for alias in statement.names]

    listed = [module for module, alias in aliases if alias.name == "*"]
    alone = {alias.asname: module for module, alias in aliases if alias.name != "*"}

    assert set(listed) == set(smsgate._LISTS)
    assert alone == {
        **dict.fromkeys(smsgate._MODULES, "smsgate"),
        **smsgate._HOMES,
        "__version__": "smsgate.constants",
    }


@pytest.mark.parametrize("module", smsgate._LISTS)
def test_all_that_a_module_lists_is_public(module):
    listed = importlib.import_module(module)

    assert set(listed.__all__) <= set(smsgate.__all__)
    assert all(getattr(smsgate, name) is getattr(listed, name) for name in listed.__all__)


def test_models_and_enums_are_those_that_are_generated():
    enums = {name for name in models.__all__ if hasattr(getattr(models, name), "__members__")}

    assert set(models.__all__) <= set(smsgate.domain.__all__)
    assert enums == set(smsgate.enums.__all__)


def test_sync_and_async_clients_have_the_same_methods():
    def methods(client):
        return {name for name in dir(client) if not name.startswith("_")}

    assert methods(smsgate.AsyncAPIClient) - methods(smsgate.APIClient) == {"aclose"}

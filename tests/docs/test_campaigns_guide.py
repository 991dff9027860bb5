"""The receiver of the guide on campaigns, which takes everybody out who replies STOP."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

import smsgate
from eventually import eventually
from smsgate.bulk import Campaign
from smsgate.emulator import Gateway, WebhookSender

uvicorn = pytest.importorskip("uvicorn", reason="the receiver needs a server")
pytest.importorskip("fastapi")
pytest.importorskip("phonenumbers")

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "campaigns.md"
ROWS = [{"phone": "+12025550100", "name": "Ann"}, {"phone": "+12025550101", "name": "Ben"}]


@pytest.fixture
def application(tmp_path, monkeypatch):
    """Application of the guide, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (code,) = (block for block in blocks if "STOP_WORDS" in block)
    space = {"__name__": "example"}
    exec(compile(code, "<example>", "exec"), space)
    return space["app"]


@pytest.fixture
def url(application):
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/sms"
    server.should_exit = True
    thread.join()


def test_reply_of_stop_opts_out(url):
    gateway = Gateway(mode="local")
    gateway.devices[0].signing_key = "key of the phone"
    sender = WebhookSender(gateway)
    client = smsgate.APIClient("demo", "demo-password", base_url="http://phone.test", http=gateway.http())
    client.ensure_webhooks(url, ["sms:received"])
    with Campaign.plan(ROWS, "Hi {name}", journal="june.db").campaign as campaign:
        gateway.receive("+12025550100", "Stop it, please.")
        gateway.receive("+12025550101", "Non-stop fun!")
        gateway.receive("12345", "STOP")
        sender.deliver_due()
        eventually(lambda: campaign.status().counts == {"planned": 1, "cancelled": 1})
        eventually(lambda: Path("stop.txt").read_text(encoding="utf-8").split() == ["+12025550100", "12345"])
        (row,) = campaign.status().rows("cancelled")
    sender.stop()

    assert (row.number, row.reason) == ("+12025550100", "opted out")

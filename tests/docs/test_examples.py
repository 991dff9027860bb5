"""Python blocks of README and docs, run against an emulator on a real socket."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import logging
import re
import subprocess
import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

import smsgate
from smsgate import webhooks
from smsgate.emulator import Gateway, WebhookSender

uvicorn = pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")

ROOT = Path(__file__).parent.parent.parent
RUN_ELSEWHERE = {"testing.md", "other-languages.md"}
"""Guides with a test of their own."""
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def examples():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path.name in RUN_ELSEWHERE:
            continue
        text = path.read_text()
        for match in BLOCK.finditer(text):
            line = text[: match.start()].count("\n") + 1
            yield pytest.param(match.group(1), id=f"{path.relative_to(ROOT)}:{line}")


class SilentHandler(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


def generate_my_gateway(folder):
    """Write the overlay of the guide, and run its command."""
    if any(importlib.util.find_spec(name) is None for name in ("tomllib", "jsonpath", "yaml", "ruff")):
        pytest.skip("the code generator needs Python 3.11 and its tools")
    guide = (ROOT / "docs" / "guides" / "codegen.md").read_text()
    (folder / "ours.yaml").write_text(re.search(r"^```yaml\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)[1])
    command = re.search(r"^python -m (smsgate\.codegen --overlay .*)$", guide, re.MULTILINE)[1]
    subprocess.run([sys.executable, "-m", *command.split()], check=True, cwd=folder)


@pytest.mark.parametrize("code", list(examples()))
def test_example_runs(code, gateway_url, monkeypatch, tmp_path):
    for client in (smsgate.APIClient, smsgate.AsyncAPIClient):
        monkeypatch.setitem(client.__init__.__kwdefaults__, "base_url", gateway_url)
    monkeypatch.chdir(tmp_path)
    logger, root = logging.getLogger("smsgate"), logging.getLogger()
    monkeypatch.setattr(logger, "level", logger.level)  # examples that change them do so for themselves only
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    if "my_gateway" in code:
        generate_my_gateway(tmp_path)
        monkeypatch.syspath_prepend(tmp_path / "src")
    space = {"__name__": "example"}

    exec(compile(code, "<example>", "exec"), space)

    main = space.get("main")
    if inspect.iscoroutinefunction(main):
        asyncio.run(main())


def test_wsgi_application_of_the_guide_takes_what_a_phone_sends():
    (code,) = (example.values[0] for example in examples() if "wsgi.input" in example.values[0])
    space = {}
    exec(code, space)
    gateway = Gateway(mode="local")
    client = smsgate.APIClient("demo", "demo-password", base_url="http://phone.test", http=gateway.http())

    with make_server("127.0.0.1", 0, validator(space["application"]), handler_class=SilentHandler) as server:
        client.ensure_webhooks(f"http://127.0.0.1:{server.server_port}/sms", ["sms:received"])
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        deliverer = WebhookSender(gateway)
        for key in ("key of another phone", "key of the phone"):
            gateway.devices[0].signing_key = key
            gateway.receive("+12025550101", f"signed with the {key}")
            deliverer.deliver_due()
        deliverer.stop()
        thread.join()

    assert sorted(delivery.statuses for delivery in gateway.deliveries.all) == [[200], [401]]
    event = space["events"].get_nowait()
    assert isinstance(event, webhooks.SmsReceived)
    assert event.payload.message == "signed with the key of the phone"
    assert space["events"].empty()

"""Guide for other languages: its curl commands and the vendor's Python client, run against an emulator on a port."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from smsgate.testing import make_gateway, serve

pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "other-languages.md").read_text("utf-8")
DOCUMENTED = "http://127.0.0.1:8787"
URL = f"{DOCUMENTED}/3rdparty/v1"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def server():
    with serve(make_gateway()) as running:
        yield running


def test_documented_account_is_the_default(server):
    assert (server.login, server.password) == ("demo", "demo-password")


@pytest.mark.skipif(None in {shutil.which("bash"), shutil.which("curl")}, reason="needs bash and curl")
def test_curl_commands_send_receive_and_list(server):
    base = server.url.removesuffix("/3rdparty/v1")
    script = "".join(block for block in blocks("sh") if block.startswith("curl")).replace(DOCUMENTED, base)
    script = script.replace("--json ", "--header 'Content-Type: application/json' --data ")  # for curl before 7.82

    done = subprocess.run(
        ["bash", "-e", "-c", script.replace("curl ", "curl --fail --write-out '\\n' ")],
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    sent, state, received, outbox = (json.loads(line) for line in done.stdout.splitlines() if line)
    assert (sent["id"], sent["state"], state["state"]) == ("reminder-1", "Pending", "Delivered")
    assert received["id"]
    assert "Hello" in json.dumps(outbox)
    server.gateway.assert_sent(to="+12025550101", text="Hello", count=1)


def test_vendors_python_client_sends_and_reads_the_state(server, capsys):
    pytest.importorskip("android_sms_gateway", reason="needs the vendor's client")
    (code,) = blocks("python")
    assert code.count(URL) == 1

    exec(compile(code.replace(URL, server.url), "<guide>", "exec"), {"__name__": "guide"})

    assert capsys.readouterr().out == "Delivered\n"
    server.gateway.assert_sent(to="+12025550101", text="Hello", count=1)


@pytest.mark.parametrize("language", ["python", "js", "go"])
def test_each_client_is_given_the_base_url(language):
    (code,) = blocks(language)

    assert code.count(f'"{URL}"') == 1

"""`smsgate doctor`: what is wrong on the way to a gateway and in an account, and what to do about it."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from pki import Pki
from smsgate import APIClient, Encryptor, Webhook, WebhookEvent
from smsgate.emulator import Faults, Gateway
from smsgate.emulator.faults import FAULTS


@pytest.fixture
def run(run_fork):
    """Run the command in pipes; most of the time of a new process would go into its imports."""
    return run_fork


@pytest.fixture
def terminal(terminal_fork):
    """Run the command in a pseudo-terminal."""
    return terminal_fork


@pytest.fixture
def examine(run, environment, served):
    """Run the command; return its exit code and its findings by their checks."""

    def run_doctor(*arguments, text="", **variables):
        env = {
            **environment,
            "SMSGATE_USERNAME": "demo",
            "SMSGATE_PASSWORD": "demo-password",
            "SMSGATE_BASE_URL": served.url,
            **variables,
        }
        result = run("doctor", *arguments, env={name: value for name, value in env.items() if value}, text=text)
        assert "Traceback" not in result.err, result.err
        findings = [json.loads(line) for line in result.out.splitlines()]
        return result.code, {one["check"]: one for one in findings}

    return run_doctor


def bad(findings):
    return {name for name, one in findings.items() if one["level"] in {"warning", "error"}}


class Page(http.server.BaseHTTPRequestHandler):
    """A web server; its class attributes say how it responds."""

    body = b"<html><title>Welcome</title></html>"
    status = 200
    headers_sent = ()

    def do_GET(self):
        self.send_response_only(self.status)
        for name, value in (*self.headers_sent, ("Content-Length", str(len(self.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def web_server():
    servers = []

    def start(body=Page.body, status=200, context=None, **headers):
        handler = type("Handler", (Page,), {"body": body, "status": status, "headers_sent": tuple(headers.items())})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def test_all_is_well(examine):
    code, findings = examine()

    assert code == 0, findings
    assert {one["level"] for one in findings.values()} <= {"ok", "note"}
    assert "cloud or private server" in findings["gateway"]["text"]
    assert "JWT" in findings["tokens"]["text"]


def test_local_server(examine, served_phone):
    code, findings = examine(SMSGATE_BASE_URL=served_phone.url)

    assert code == 0, findings
    assert "local server" in findings["gateway"]["text"]


@pytest.mark.parametrize("path", ["", "/3rdparty/v2", "/api/mobile/v1"])
def test_names_the_right_path(examine, served, path):
    root = served.url.removesuffix("/3rdparty/v1")

    code, findings = examine(SMSGATE_BASE_URL=root + path)

    assert code == 2
    assert findings["gateway"]["advice"] in {f"use --url {root}/3rdparty/v1", f"use --url {root}/api/3rdparty/v1"}


def test_plain_web_server(examine, web_server):
    code, findings = examine(f"http://{web_server()}")

    assert code == 4
    assert "no gateway" in findings["gateway"]["text"]


def test_redirect(examine, web_server):
    address = web_server(status=301, Location="https://sms.example.com/api/3rdparty/v1/health")

    code, findings = examine(f"http://{address}")

    assert code == 2
    assert "sms.example.com" in findings["gateway"]["text"]


def test_nothing_listens(examine):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))

        code, findings = examine(f"http://127.0.0.1:{free.getsockname()[1]}")

    assert code == 4
    assert findings["port"]["level"] == "error"


def test_unknown_name(examine):
    code, findings = examine("https://gateway.invalid")

    assert code == 4
    assert findings["name"]["level"] == "error"


def test_plain_http_where_tls_is_expected(examine, served):
    code, findings = examine(served.url.replace("http:", "https:"))

    assert code == 4
    assert "http://" in findings["certificate"]["advice"]


def test_unknown_authority_and_trusted_one(examine, web_server, tmp_path):
    pki = Pki(tmp_path)
    address = web_server(context=pki.server_context())
    own = web_server(context=pki.server_context(self_signed=True))

    unknown, findings = examine(f"https://{address}")
    self_signed, others = examine(f"https://{own}")
    _, trusted = examine(f"https://{address}", SSL_CERT_FILE=str(pki.ca))

    assert (unknown, self_signed) == (4, 4)
    assert "SSL_CERT_FILE" in findings["certificate"]["advice"]
    assert "self-signed" in others["certificate"]["advice"]
    assert trusted["certificate"]["level"] != "error"


@pytest.mark.parametrize(("minutes", "level"), [(0, "ok"), (2, "warning"), (30, "error")])
def test_clock(examine, web_server, minutes, level):
    date = format_datetime(datetime.now(timezone.utc) - timedelta(minutes=minutes), usegmt=True)
    address = web_server(b'{"status": "pass", "checks": {}}', Date=date)

    _, findings = examine(f"http://{address}")

    assert findings["clock"]["level"] == level


@pytest.mark.parametrize(
    "variables", [{"SMSGATE_PASSWORD": "wrong"}, {"SMSGATE_PASSWORD": ""}, {"SMSGATE_TOKEN": "no.jwt.here"}]
)
def test_credentials(examine, variables):
    code, findings = examine(**variables)

    assert code == 3
    assert findings["credentials"]["level"] == "error"
    assert "wrong" not in findings["credentials"]["text"]


def test_account_without_phones(examine, serve_gateway):
    code, findings = examine(SMSGATE_BASE_URL=serve_gateway(Gateway(devices=0)))

    assert code == 1
    assert "no phone" in findings["phones"]["text"]


def test_absent_phone_and_old_queue(examine, serve_gateway):
    gateway = Gateway(clock=lambda: datetime.now(timezone.utc) - timedelta(days=3), phone=False)
    url = serve_gateway(gateway)
    with APIClient("demo", "demo-password", base_url=url) as client:
        client.send("hello", to="+12025550100")

    code, findings = examine(SMSGATE_BASE_URL=url)

    assert bad(findings) >= {"phones", "queue"}, findings
    assert code == 6


def test_webhook_of_a_removed_phone(examine, serve_gateway):
    gateway = Gateway(devices=2)
    url = serve_gateway(gateway)
    with APIClient("demo", "demo-password", base_url=url) as client:
        client.create_webhook(Webhook(url="https://localhost/x", event=WebhookEvent.SMS_SENT))

    code, findings = examine(SMSGATE_BASE_URL=url)

    assert code == 6
    assert "never be delivered" in findings["webhooks"]["text"]


def test_encryption_on_one_side(examine, serve_gateway):
    url = serve_gateway(Gateway())
    with APIClient("demo", "demo-password", base_url=url, encryptor=Encryptor("a passphrase")) as client:
        client.wait(client.send("hello", to="+12025550100").id, timeout=60)

    code, findings = examine(SMSGATE_BASE_URL=url)

    assert code in {1, 6}
    assert findings["encryption"]["level"] in {"warning", "error"}


@pytest.mark.parametrize("fault", [*FAULTS])
@pytest.mark.parametrize("mode", ["cloud", "local"])
def test_survives_every_fault(examine, serve_gateway, fault, mode):
    gateway = Gateway(mode=mode, faults=Faults.random(1.0, kinds=[fault]))
    url = serve_gateway(gateway)

    code, findings = examine("--timeout", "0.5", SMSGATE_BASE_URL=url)

    assert code in {0, 1, 3, 4, 6}
    assert findings


def test_bundle_has_no_personal_data(run, environment, served, tmp_path):
    env = {
        **environment,
        "SMSGATE_USERNAME": "demo",
        "SMSGATE_PASSWORD": "demo-password",
        "SMSGATE_BASE_URL": served.url,
    }

    result = run("doctor", "--bundle", "report.json", env=env)

    assert result.code == 0, result.err
    text = (tmp_path / "report.json").read_text()
    assert json.loads(text)["findings"]
    assert "demo-password" not in text


def test_table_on_a_terminal(terminal, environment, served):
    env = {
        **environment,
        "SMSGATE_USERNAME": "demo",
        "SMSGATE_PASSWORD": "wrong",
        "SMSGATE_BASE_URL": served.url,
    }

    result = terminal("doctor", env=env)

    assert result.code == 3
    assert "✗" in result.out
    assert "→" in result.out

"""Every command, in pipes and on a terminal: success, wrong credentials, unreachable gateway, bad input and Ctrl-C.

The cases run in forks; the success of each command in pipes in a process of its own, as a user starts it.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pytest

from smsgate import APIClient, Encryptor, TokenRequest, Webhook, WebhookEvent
from smsgate.cli.program import COMMANDS, load_command
from smsgate.emulator import Attachment, Gateway
from smsgate.testing import serve


@dataclass(frozen=True)
class Case:
    """How a command is tried.

    Attributes:
        good: arguments of a success; words in braces are those of `values`. The gateway's ids may begin with a hyphen.
        bad: arguments that exit with 2.
        text: the standard input.
        server: ``cloud``, ``phone``, or empty for a command without gateway.
        calling: arguments with which it calls the gateway, by default those of a success.
        is_public: whether the gateway asks for no credentials.
        ends: whether it ends by itself; else a success ends with the signal, and the exit code of Ctrl-C follows.
        code_of_signal: the exit code after Ctrl-C.
        code_of_call: the exit code after Ctrl-C during a call; then `listen` cannot remove its webhooks.
        reading: arguments with which it reads the standard input, which Ctrl-C interrupts.
        settles: exit codes of a success.
        env: further variables.
    """

    good: str = ""
    bad: str = "surplus"
    text: str = ""
    server: str = "cloud"
    calling: str | None = None
    is_public: bool = False
    ends: bool = True
    code_of_signal: int = 130
    code_of_call: int = 130
    reading: str | None = None
    settles: frozenset[int] = frozenset({0})
    env: dict[str, str] = field(default_factory=dict)


LISTEN = "--port 0 --register https://example.com/sms --timeout 0.5"
KEY = {"SMSGATE_PASSPHRASE": "correct horse"}
CASES = {
    "send": Case("hello --to +12025550100", "hello", reading="- --to +12025550100"),
    "status": Case("{message}", "a/b"),
    "wait": Case("{message}", "x --wait-timeout -1"),
    "cancel": Case("{pending}", ""),
    "messages": Case("", "--from yesterday"),
    "inbox list": Case("", "--type LETTER", server="phone"),
    "inbox get": Case("{mms} 1 --file picture", "x one", server="phone"),
    "inbox refresh": Case("", "--since 2030-01-01T00:00:00Z --until 2020-01-01T00:00:00Z"),
    "listen": Case("--port 0", "--port 70000", calling=LISTEN, ends=False, code_of_signal=0, code_of_call=4),
    "devices list": Case("", "--output xml"),
    "devices remove": Case("-- {device}", "a/b"),
    "webhooks list": Case(),
    "webhooks add": Case("https://example.com/sms sms:received", "https://example.com/sms sms.received"),
    "webhooks remove": Case("{webhook}", "a/b"),
    "webhooks sync": Case("{file}", "no-such-file.yaml"),
    "settings get": Case("", "--timeout 0"),
    "settings set": Case("messages.limit_value=5", "limit_value"),
    "settings edit": Case(env={"EDITOR": "true"}),
    "token create": Case("--scope messages:send", ""),
    "token revoke": Case("-- {token}", "a/b"),
    "logs": Case("", "--to tomorrow", server="phone"),
    "health": Case(is_public=True),
    "profile list": Case(server=""),
    "profile add": Case("work --password-file {secret}", "../x", server="", reading="work --password-file -"),
    "profile use": Case("home", "elsewhere", server=""),
    "profile remove": Case("home", "elsewhere", server=""),
    "doctor": Case("", "ftp://example.com", settles=frozenset({0, 6})),
    "segments": Case("hello", "", server="", reading="-"),
    "encrypt": Case("", "--passphrase-file no-such-file", "hello", server="", reading="", env=KEY),
    "decrypt": Case("", "--passphrase-file no-such-file", "{ciphertext}", server="", reading="", env=KEY),
    "emulator": Case("--port 0", "--port 70000", server="", ends=False, code_of_signal=0),
    "spec": Case(server=""),
}
"""Every command but those of `smsgate campaign`, which `test_campaign` tries on campaigns that last."""


def find_commands():
    """Names of all commands; a new one needs a case, or tests of its own as a campaign has."""
    for name in COMMANDS:
        if name not in {"campaign", "emulator"}:
            yield from (f"{name} {one}".strip() for one in getattr(load_command(name), "commands", [""]))
    yield "emulator"


ALL = [*find_commands()]
CALLING = [name for name in ALL if CASES.get(name, Case()).server]
GUARDED = [name for name in CALLING if not CASES.get(name, Case()).is_public]
READING = [name for name in ALL if name in CASES and CASES[name].reading is not None]


def test_every_command_has_a_case():
    assert sorted(CASES) == sorted(ALL)


@pytest.fixture(params=["pipe", "terminal"])
def start(request, run_fork, terminal_fork):
    """Run a command in pipes or on a terminal."""
    in_terminal = request.param == "terminal"

    def run_command(name, arguments, *, env, text="", when=None):
        words = [*name.split(), *shlex.split(arguments)]
        if not in_terminal:
            return run_fork(*words, env=env, text=text, interrupt_after=when)
        typed = [(lambda: True, f"{text}\n\x04")] if text else []
        return terminal_fork(*words, env=env, type_when=[*typed, *([(when, "\x03")] if when else [])])

    return run_command


@pytest.fixture(scope="module")
def phone():
    """A phone's local server that has received a picture, and the id of this message."""
    gateway = Gateway(mode="local")
    gateway.receive("+12025550111", "picture", attachments=[Attachment(1, "picture.png", "image/png", b"\x89PNG")])
    gateway.log("started")
    with serve(gateway) as server, APIClient("demo", "demo-password", base_url=server.url) as client:
        yield server.url, next(one.id for one in client.iter_inbox(include_attachments=True) if one.attachments)


@pytest.fixture(scope="module")
def cloud(served):
    """Ids of things that exist in a gateway, as arguments name them."""
    with APIClient("demo", "demo-password", base_url=served.url) as client:
        later = datetime.now(timezone.utc) + timedelta(days=1)
        hook = Webhook(url="https://example.com/x", event=WebhookEvent.SMS_SENT)
        yield lambda: {
            "message": client.send("hello", to="+12025550100").id,
            "pending": client.send("hello", to="+12025550100", schedule_at=later).id,
            "device": served.gateway.add_device().id,
            "webhook": client.create_webhook(hook).id,
            "token": client.generate_token(TokenRequest(scopes=["messages:send"])).id,
        }


@pytest.fixture
def values(request, cloud, phone, tmp_path):
    """What stands for words in braces."""
    (tmp_path / "webhooks.yaml").write_text("- url: https://example.com/sms\n  events: [sms:received, sms:failed]\n")
    (tmp_path / "secret").write_text("a-token\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text("[profiles.home]\nlogin = 'sms'\n")
    name = request.getfixturevalue("name")
    needs_ids = "{" in CASES[name].good and CASES[name].server == "cloud"
    return {
        **(cloud() if needs_ids else {}),
        "file": str(tmp_path / "webhooks.yaml"),
        "secret": str(tmp_path / "secret"),
        "mms": phone[1],
        "ciphertext": Encryptor("correct horse").encrypt("hello"),
    }


@pytest.fixture
def variables(environment, served, phone):
    """Variables of a user for a command."""

    def build(case, **others):
        url = phone[0] if case.server == "phone" else served.url
        account = {"SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}
        return {**environment, "SMSGATE_SIGNING_KEY": "k", **(account if case.server else {}), **case.env, **others}

    return build


@pytest.mark.parametrize("name", [name for name in ALL if CASES.get(name, Case()).ends])
def test_success(name, start, values, variables):
    case = CASES[name]

    result = start(name, case.good.format(**values), env=variables(case), text=case.text.format(**values))

    assert result.code in case.settles, result
    assert "Traceback" not in result.out + result.err
    assert "demo-password" not in result.out + result.err


@pytest.mark.parametrize("name", [name for name in ALL if CASES.get(name, Case()).ends])
def test_success_of_a_new_process(name, run, values, variables):
    case = CASES[name]

    result = run(
        *name.split(), *shlex.split(case.good.format(**values)), env=variables(case), text=case.text.format(**values)
    )

    assert result.code in case.settles, result.err
    if case.server and "token" not in name:
        for line in result.out.splitlines():
            json.loads(line)


@pytest.mark.parametrize("name", [name for name in ALL if not CASES.get(name, Case()).ends])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_that_runs_until_a_signal(name, number, run_fork, terminal_fork, variables):
    case, words = CASES[name], [*name.split(), *CASES[name].good.split()]

    def is_serving(shown):
        return "http://127.0.0.1" in shown

    typed = terminal_fork(*words, env=variables(case), signal_when=is_serving, number=number)
    piped = run_fork(*words, env=variables(case), interrupt_when=is_serving, number=number)

    assert (piped.code, typed.code) == (case.code_of_signal, case.code_of_signal), (piped, typed)
    assert "Traceback" not in piped.out + piped.err + typed.out


@pytest.mark.parametrize("name", GUARDED)
def test_wrong_credentials(name, start, values, variables):
    case = CASES[name]
    env = variables(case, SMSGATE_PASSWORD="wrong-one")

    result = start(name, (case.calling or case.good).format(**values), env=env)

    shown = re.sub(r"\x1b\[[\d;]*m", "", result.out + result.err)
    assert result.code == 3, result
    assert "401" in shown
    assert "error: 401" in shown or name == "doctor"
    assert "wrong-one" not in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("name", CALLING)
def test_unreachable(name, start, values, variables, closed_port):
    case = CASES[name]
    env = variables(case, SMSGATE_BASE_URL=f"http://127.0.0.1:{closed_port}")
    limits = f"--timeout 2 {'--wait-timeout 1' if name == 'wait' else ''}"

    result = start(name, case.calling or f"{limits} {case.good}".format(**values), env=env)

    shown = re.sub(r"\x1b\[[\d;]*m", "", result.out + result.err)
    assert result.code == 4, result
    assert "127.0.0.1" in shown
    assert "hint: smsgate doctor" in shown or name == "doctor"


@pytest.mark.parametrize("name", ALL)
def test_bad_input(name, start, variables):
    result = start(name, CASES[name].bad, env=variables(CASES[name]))

    assert result.code == 2, result
    assert "Traceback" not in result.out + result.err
    assert "rror" in result.out + result.err


@pytest.mark.parametrize("name", CALLING)
def test_interrupted_call(name, start, values, variables, silent_gateway):
    case = CASES[name]
    env = variables(case, SMSGATE_BASE_URL=silent_gateway.url)

    result = start(name, (case.calling or case.good).format(**values), env=env, when=silent_gateway.was_called)

    assert result.code == case.code_of_call, result
    assert "Traceback" not in result.out + result.err


@pytest.mark.parametrize("name", READING)
def test_interrupted_input(name, run_fork, terminal_fork, variables):
    words = [*name.split(), *CASES[name].reading.split()]

    piped = run_fork(*words, env=variables(CASES[name]), text="some", is_reading=True)
    typed = terminal_fork(*words, env=variables(CASES[name]), is_reading=True)

    assert (piped.code, typed.code) == (130, 130), (piped, typed)
    assert "Traceback" not in piped.err + typed.out


class SilentGateway:
    """A port that accepts requests and never responds."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections = []
        self.requests = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def was_called(self):
        return self.requests

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        if connection.recv(65536):
            self.requests += 1

    def close(self):
        for one in [self.listener, *self.connections]:
            one.close()


@pytest.fixture
def silent_gateway():
    gateway = SilentGateway()
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]

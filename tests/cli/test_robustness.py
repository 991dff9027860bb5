"""Odd surroundings: closed streams, encodings, keyrings, wrong files, missing packages, control characters."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone

import pytest
import typer

from smsgate import APIClient, Webhook, WebhookEvent
from smsgate.cli.failures import CommandError, exit_on_failure
from smsgate.cli.gateway_checks import read_health
from smsgate.cli.output import format_json, print_error
from smsgate.cli.program import COMMANDS
from smsgate.cli.times import parse_time
from smsgate.http import Response

KEYRING = """
import json, os, pathlib
from keyring.backend import KeyringBackend

FILE = pathlib.Path(os.environ["TEST_KEYRING"])

class Keyring(KeyringBackend):
    priority = 1
    def _read(self): return json.loads(FILE.read_text()) if FILE.exists() else {}
    def get_password(self, service, name): return self._read().get(service + name)
    def set_password(self, service, name, password):
        FILE.write_text(json.dumps({**self._read(), service + name: password}))
    def delete_password(self, service, name):
        found = self._read(); found.pop(service + name); FILE.write_text(json.dumps(found))

class Locked(Keyring):
    def get_password(self, *_): raise RuntimeError("locked\\x1b[2J")
    set_password = delete_password = get_password
"""


@pytest.fixture
def keyring(environment, tmp_path):
    """Variables of a user with a keyring; return them with the file that it keeps."""
    pytest.importorskip("keyring")
    (tmp_path / "test_keyrings.py").write_text(KEYRING)
    file = tmp_path / "keyring.json"
    env = {**environment, "PYTHON_KEYRING_BACKEND": "test_keyrings.Keyring", "TEST_KEYRING": str(file)}
    return {**env, "PYTHONPATH": f"{tmp_path}:{env.get('PYTHONPATH', '')}"}, file


def add_profile(run, env, url, name="home", password="demo-password"):
    return run("profile", "add", name, "--url", url, "--login", "demo", "--password-file", "-", env=env, text=password)


def test_keyring_holds_the_secret_alone(run, keyring, served, tmp_path):
    env, file = keyring

    stored = add_profile(run, env, served.url)

    assert stored.code == 0, stored.err
    assert "demo-password" in file.read_text()
    assert not (tmp_path / "config" / "secrets.json").exists()
    assert run("devices", env=env).code == 0


def test_moved_profile_leaves_no_secret_behind(run, keyring, served):
    env, file = keyring
    add_profile(run, env, "http://127.0.0.1:9", password="old-password")

    add_profile(run, env, served.url)

    assert "old-password" not in file.read_text()
    assert run("devices", env=env).code == 0


@pytest.mark.parametrize("backend", ["test_keyrings.Locked", "no_such_module.Keyring"])
@pytest.mark.parametrize("words", ["profile remove home", "profile add other --url http://127.0.0.1:9"])
def test_broken_keyring_is_an_error(run, keyring, served, backend, words):
    env, _ = keyring
    add_profile(run, env, served.url)
    arguments = [*words.split(), *(["--login", "a", "--password-file", "-"] if " add " in words else [])]

    result = run(*arguments, env={**env, "PYTHON_KEYRING_BACKEND": backend}, text="secret")

    assert result.code == 2
    assert result.err.startswith("error: the system's keyring failed")
    assert "\x1b" not in result.err


@pytest.mark.parametrize("content", ["junk", "[]", "[" * 100_000])
def test_foreign_entry_of_a_keyring(run, keyring, served, content):
    env, file = keyring
    add_profile(run, env, served.url)
    file.write_text(json.dumps(dict.fromkeys(json.loads(file.read_text()), content)))

    result = run("devices", env=env)

    assert result.code == 2
    assert result.err.startswith("error: ")


@pytest.mark.parametrize("content", ["[]", '{"KEY": []}', "\xff"])
def test_foreign_file_of_secrets(run, environment, served, tmp_path, content):
    add_profile(run, environment, served.url)
    file = tmp_path / "config" / "secrets.json"
    file.write_bytes(content.replace("KEY", next(iter(json.loads(file.read_text())))).encode("latin-1"))

    result = run("devices", env=environment)

    assert result.code == 2
    assert result.err.startswith("error: ")


def test_readable_file_of_secrets_has_a_warning(run, environment, served, tmp_path):
    add_profile(run, environment, served.url)
    (tmp_path / "config" / "secrets.json").chmod(0o644)

    result = run("devices", env=environment)

    assert result.code == 0
    assert "chmod 600" in result.err


def test_secret_in_the_wrong_file(run, environment, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('[profiles.home]\npassword = "hidden-one"\n')

    result = run("devices", env={**environment, "SMSGATE_PROFILE": "home"})

    assert result.code == 2
    assert "smsgate profile add home" in result.err
    assert "hidden-one" not in result.err


@pytest.mark.parametrize("source", ["environment", "file", "profile"])
@pytest.mark.parametrize("credentials", ["options", "environment", "profile"])
def test_passphrase_alone_serves_every_source(run, account, served, tmp_path, *, source, credentials):
    """A message would leave unencrypted otherwise."""
    environment = {name: value for name, value in account.items() if not name.startswith("SMSGATE_") or "DIR" in name}
    pytest.importorskip("cryptography")
    (tmp_path / "key").write_text("a passphrase")
    (tmp_path / "password").write_text("demo-password")
    env = dict(account if credentials == "environment" else environment)
    options = ["--url", served.url, "--login", "demo", "--password-file", "password"]
    if source == "environment":
        env["SMSGATE_PASSPHRASE"] = "a passphrase"
    elif source == "file":
        (tmp_path / ".env").write_text("SMSGATE_PASSPHRASE='a passphrase'\n")
    stored = ["--passphrase-file", "key"] if source == "profile" else []
    if credentials == "profile":
        assert run("profile", "add", "home", *options, *stored, env=environment).code == 0
    elif source == "profile":
        return
    run("send", "hello", "--to", "+12025550100", *(options if credentials == "options" else []), env=env)

    with APIClient("demo", "demo-password", base_url=served.url) as client:
        assert client.get_messages(limit=1)[0].is_encrypted


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("words", ["status no-such-id", "send - --to +12025550100"])
def test_closed_stream(account, closed, words):
    number = ["stdin", "stdout", "stderr"].index(closed)
    command = f'exec "$0" -m smsgate {words} {number}{"<" if number == 0 else ">"}&-'

    done = subprocess.run(["sh", "-c", command, sys.executable], env=account, capture_output=True, check=False)

    assert b"Traceback" not in done.stderr
    assert b"error" not in done.stdout


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_encodings_of_a_terminal(run, environment, form, encoding):
    env = {**environment, "PYTHONIOENCODING": encoding}

    result = run("segments", "Grusz \N{EN DASH} \N{PILE OF POO} \udcff", "-o", form, env={**env, "PYTHONUTF8": "0"})

    assert result.code == 0, result.err
    if form != "table":
        assert json.loads(result.out)["encoding"] == "UCS-2"


def test_json_is_safe_on_a_terminal():
    text = "\x1b[2J \x9b2J \x7f \u202e \u2028 \ud800 \N{PILE OF POO}"

    shown = format_json({"text": text})

    assert json.loads(shown) == {"text": text}
    assert not {*text} - {*" [2J\N{PILE OF POO}"} & {*shown}


def test_notes_are_safe_on_a_terminal(capsys):
    print_error("id \x1b[2J\x9b1m\nforged")

    assert capsys.readouterr().err == "id \\x1b[2J\\x9b1m\\nforged\n"


@pytest.mark.parametrize("package", ["typer", "rich", "platformdirs", "dotenv", "yaml", "tomli_w"])
def test_missing_package_is_one_sentence(run, environment, tmp_path, package):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('no {package}', name={package!r})")
    (tmp_path / "hooks.yaml").write_text("[]")
    (tmp_path / ".env").write_text("")
    env = {**environment, "PYTHONPATH": f"{tmp_path}:{environment.get('PYTHONPATH', '')}"}
    words = {"yaml": "webhooks sync hooks.yaml", "tomli_w": "profile add x --password-file hooks.yaml"}
    words.update(rich="--help", dotenv="devices", platformdirs="profile list")
    env.pop("SMSGATE_CONFIG_DIR")

    result = run(*words.get(package, "devices").split(), env=env)

    assert result.code == 1
    assert result.err.splitlines()[-1].endswith("pip install 'smsgate[cli]'")
    assert "Traceback" not in result.err


@pytest.mark.parametrize("command", [*COMMANDS])
def test_completion_behind_every_command(run, environment, command):
    env = {
        **environment,
        "_SMSGATE_COMPLETE": "complete_bash",
        "COMP_WORDS": f"smsgate {command} --",
        "COMP_CWORD": "2",
    }

    result = run(env=env)

    assert "Traceback" not in result.err
    assert command in {"listen", "emulator"} or "--help" in result.out


@pytest.mark.parametrize("words", ["send", "webhooks", "webhooks sync", "segments", "profile add"])
def test_short_name_of_help(run, environment, words):
    assert run(*words.split(), "-h", env=environment).code == 0


@pytest.mark.parametrize(
    "text", ["2030-01-01T09:00:00.5+05:30", "2030-01-01T03:30:00.5Z", "2030-01-01 04:30:00.5+0100"]
)
def test_times_are_read_alike_on_every_python(text):
    moment = datetime(2030, 1, 1, 3, 30, 0, 500_000, tzinfo=timezone.utc)

    assert parse_time("--at", text) == moment


@pytest.mark.parametrize("text", ["", "1893456000", "tomorrow", "2030-13-01T00:00:00Z", "-5", "-1893456000"])
def test_wrong_times(text):
    with pytest.raises(CommandError) as caught:
        parse_time("--at", text)

    assert caught.value.code == 2


@pytest.mark.parametrize("proxy", ["http://user:hidden-one@127.0.0.1:9", "user:hidden-one@127.0.0.1:9", "http://h:x"])
def test_doctor_shows_no_password_of_a_proxy(run, environment, proxy):
    env = {**environment, "HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""}

    result = run("doctor", "http://gateway.invalid", "--timeout", "2", env=env)

    assert "Traceback" not in result.err
    assert "hidden-one" not in result.out + result.err


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"status": "pass", "checks": null}', '{"status": "pass", "checks": [1]}', "3", "\xff"]
)
def test_doctor_reads_any_page(content):
    response = Response(200, {}, content=content.encode())

    assert read_health(response) is None


def test_password_and_text_need_an_input_each(run, environment, served):
    options = ["--url", served.url, "--login", "demo", "--password-file", "-"]

    result = run("send", "-", "--to", "+12025550100", *options, env=environment, text="demo-password\nhello")

    assert result.code == 2
    assert "put the password into a file" in result.err


def test_hides_numbers_in_errors(capsys):
    with pytest.raises(typer.Exit), exit_on_failure(redact=True):
        raise CommandError("the phone 202-555-0100 is unknown", hint="smsgate status 2025550100")

    assert capsys.readouterr().err == "error: the phone •••-•••-••00 is unknown\nhint: smsgate status 2025550100\n"


def test_hides_international_numbers_everywhere(run, account, served):
    with APIClient("demo", "demo-password", base_url=served.url) as client:
        hook = Webhook(url="https://example.com/+12025550199", event=WebhookEvent.SMS_SENT)
        client.create_webhook(hook)

    result = run("webhooks", "--redact", "-o", "json", env=account)

    assert "2025550" not in result.out


@pytest.mark.parametrize("editor", ["truncate -s 0", "sed -i '/^[^#]/d'"])
def test_emptied_settings_are_not_sent(run, account, served, editor):
    run("settings", "set", "messages.limit_value=5", "messages.limit_period=PerHour", env=account)

    result = run("settings", "edit", env={**account, "EDITOR": editor})

    assert result.code == 1
    assert "nothing was sent" in result.err
    with APIClient("demo", "demo-password", base_url=served.url) as client:
        assert client.get_settings().messages.limit_value == 5


@pytest.mark.parametrize("text", ["\\xff", "a: 2026-13-45\\n", "a: {[\\n", "text"])
def test_corrupt_settings_are_kept_and_not_sent(run, account, text):
    result = run("settings", "edit", env={**account, "EDITOR": f'sh -c \'printf "{text}" >"$0"\''})

    assert result.code == 2, result.err
    assert "your text is kept in" in result.err
    assert "Traceback" not in result.err

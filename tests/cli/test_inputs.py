"""Inputs of every kind: empty, endless, no UTF-8; no home, and packages of extras that are missing."""

from __future__ import annotations

import json
import os

import pytest

from smsgate.cli.inputs import decode_argument

SEND = ["send", "-", "--to", "+12025550100"]


@pytest.fixture
def feed(fork_server, environment, tmp_path):
    """Run a command whose standard input is a file; return its exit code and its errors."""

    def run_fed(path, *words):
        env = {**environment, "SMSGATE_USERNAME": "a", "SMSGATE_PASSWORD": "b", "SMSGATE_PASSPHRASE": "c"}
        descriptors = [os.open(path, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY)]
        errors = tmp_path / "errors"
        descriptors.append(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        try:
            process = fork_server.start(list(words), env=env, folder=tmp_path, streams=descriptors)
        finally:
            for one in descriptors:
                os.close(one)
        return process.wait(), errors.read_text()

    return run_fed


@pytest.mark.parametrize("words", [SEND, ["segments", "-"], ["encrypt"], ["decrypt"]])
def test_endless_input_is_refused(feed, words):
    code, errors = feed("/dev/zero", *words)

    assert code == 2
    assert errors == "error: the standard input has more than 16 MiB\n"


@pytest.mark.parametrize(
    "words",
    ["devices --login a --password-file FILE", "encrypt --passphrase-file FILE", "webhooks sync FILE"],
)
@pytest.mark.parametrize("file", ["/dev/zero", "/", "no-such-file", "no-text"])
def test_files_that_cannot_be_read(feed, tmp_path, words, file):
    (tmp_path / "no-text").write_bytes(b"\xff\xfe")

    code, errors = feed(os.devnull, *words.replace("FILE", file).split())

    assert code == 2, errors
    assert errors.startswith(f"error: {file}")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "words", "code"),
    [
        (b"", SEND, 2),
        (b"\n", SEND, 2),
        (b"\xff", SEND, 2),
        (b"a" * 70_000, SEND, 2),
        (b"", ["segments", "-"], 0),
        (b"a" * 1_000_000, ["segments", "-"], 0),
        (b"", ["encrypt"], 0),
        (b"", ["decrypt"], 1),
        (b"", ["devices", "--login", "a", "--password-file", "-"], 3),
    ],
)
def test_standard_input(feed, tmp_path, content, words, code):
    (tmp_path / "input").write_bytes(content)

    found, errors = feed(tmp_path / "input", *words)

    assert found == code, errors
    assert "Traceback" not in errors


def test_byte_order_mark_belongs_to_no_text(run_fork, environment, tmp_path):
    result = run_fork("segments", "-", env=environment, text="\ufeffabc")

    assert json.loads(result.out)["units"] == 3


def test_argument_of_another_encoding_is_read_as_utf_8():
    text = "5 \N{EURO SIGN}"

    assert decode_argument(text) == text
    assert decode_argument(text.encode().decode("ascii", "surrogateescape")) == text
    assert decode_argument("\udcff") == "\udcff"


@pytest.mark.parametrize(
    ("words", "text"),
    [("messages --state lost", "Pending, Cancelling"), ("inbox --type letter", "SMS, DATA_SMS")],
)
def test_unknown_choice_lists_the_known(run_fork, account, words, text):
    result = run_fork(*words.split(), env=account)

    assert result.code == 2
    assert text in result.err


def test_choices_have_no_case(run_fork, account):
    assert run_fork("messages", "--state", "pending", env=account).code == 0


@pytest.fixture
def shadowed(environment, tmp_path):
    """Return variables with which a package of another content is imported."""

    def shadow(package, content):
        (tmp_path / f"{package}.py").write_text(content)
        return {**environment, "PYTHONPATH": f"{tmp_path}{os.pathsep}{environment.get('PYTHONPATH', '')}"}

    return shadow


HOMELESS = "def user_config_path(_name):\n    raise RuntimeError('could not determine the home directory')"


@pytest.mark.parametrize(
    ("words", "code"),
    [("profile list", 0), ("devices", 3), ("profile add x --password-file -", 2), ("profile use x", 2)],
)
def test_without_a_home(run, shadowed, words, code):
    env = shadowed("platformdirs", HOMELESS)
    env.pop("SMSGATE_CONFIG_DIR")

    result = run(*words.split(), env=env, text="a-token")

    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert ("set SMSGATE_CONFIG_DIR" in result.err) == (code == 2)


@pytest.mark.parametrize("words", ["profile add x --password-file -", "profile use home", "profile remove home"])
def test_folder_of_settings_that_cannot_be_written(run_fork, environment, tmp_path, words):
    if words.startswith("profile add"):
        env = {**environment, "SMSGATE_CONFIG_DIR": "/proc/no-such-folder"}
    else:
        (tmp_path / "config").write_text("a file")
        env = environment

    result = run_fork(*words.split(), env=env, text="a-token")

    assert result.code == 2
    assert result.err.startswith("error: ")


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        ("phonenumbers", "send hello --to 030123456 --region DE", "numbers"),
        ("cryptography", "encrypt", "encryption"),
        ("cryptography", "devices", "encryption"),
        ("uvicorn", "listen --signing-key k", "cli"),
        ("httpx", "devices", "httpx"),
    ],
)
def test_missing_extra_has_one_exit_code(run, shadowed, package, words, extra):
    env = shadowed(package, f"raise ModuleNotFoundError('no {package}', name={package!r})")
    env.update(SMSGATE_USERNAME="a", SMSGATE_PASSWORD="b", SMSGATE_BASE_URL="http://127.0.0.1:9")
    if package == "cryptography":
        env["SMSGATE_PASSPHRASE"] = "correct horse"

    result = run(*words.split(), env=env, text="hello")

    assert result.code == 1, result.err
    assert f"pip install 'smsgate[{extra}]'" in result.err
    assert "Traceback" not in result.err

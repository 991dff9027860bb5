"""Commands without a gateway, profiles, and the choice of the connection."""

from __future__ import annotations

import json
import stat

import pytest

from smsgate import Encryptor


@pytest.mark.parametrize("arguments", [["--version"], ["-V"]])
def test_version(run, environment, arguments):
    result = run(*arguments, env=environment)

    assert (result.code, result.out.split()[0]) == (0, "smsgate")


def test_help_lists_every_command(run, environment):
    result = run("--help", env=environment)

    assert result.code == 0
    assert all(name in result.out for name in ("send", "webhooks", "emulator", "profile"))


def test_unknown_command_names_a_near_one(run, environment):
    result = run("stauts", env=environment)

    assert result.code == 2
    assert "'status'" in result.err


def test_spec_is_the_document(run, environment):
    result = run("spec", env=environment)

    assert result.code == 0
    assert result.out.startswith("openapi:") or "openapi: 3.1" in result.out


def test_segments(run, environment):
    result = run("segments", "ж" * 71, env=environment)

    assert json.loads(result.out)["parts"] == 2


def test_segments_of_the_standard_input(run, environment):
    result = run("segments", "-", "--output", "table", env=environment, text="Don\u2019t\n")

    assert result.code == 0
    assert "Don't" in result.out


def test_encrypts_and_decrypts(run, environment):
    env = {**environment, "SMSGATE_PASSPHRASE": "correct horse"}
    encrypted = run("encrypt", env=env, text="secret text\n").out

    assert Encryptor("correct horse").decrypt(encrypted.strip()) == "secret text"
    assert run("decrypt", env=env, text=encrypted).out == "secret text\n"


@pytest.mark.parametrize("name", ["encrypt", "decrypt"])
def test_needs_a_passphrase(run, environment, name):
    result = run(name, env=environment, text="x")

    assert result.code == 3
    assert "SMSGATE_PASSPHRASE" in result.err


def test_wrong_ciphertext_is_a_failure(run, environment):
    result = run("decrypt", env={**environment, "SMSGATE_PASSPHRASE": "x"}, text="hello")

    assert result.code in {1, 2}
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


def test_profile_is_used(run, environment, served, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("demo-password\n")

    added = run(
        "profile",
        "add",
        "home",
        "--url",
        served.url,
        "--login",
        "demo",
        "--password-file",
        str(secret),
        env=environment,
    )
    listed = run("profile", "list", env=environment)
    used = run("devices", env=environment)

    assert added.code == 0, added.err
    assert "no system keyring" in added.err
    assert json.loads(listed.out) == {"name": "home", "url": served.url, "login": "demo", "inUse": True}
    assert used.code == 0, used.err
    config = tmp_path / "config"
    assert "demo-password" not in (config / "config.toml").read_text()
    assert stat.S_IMODE((config / "secrets.json").stat().st_mode) == 0o600


def test_profile_asks_for_a_password_and_hides_it(terminal, run, environment, served):
    added = terminal(
        "profile",
        "add",
        "home",
        "--url",
        served.url,
        "--login",
        "demo",
        env=environment,
        type_after=[("Password", "demo-password\n")],
    )

    assert added.code == 0, added.out
    assert "demo-password" not in added.out
    assert run("devices", "--profile", "home", env=environment).code == 0


def test_profile_of_an_edited_host_gets_no_password(run, environment, served, tmp_path):
    run(
        "profile",
        "add",
        "home",
        "--url",
        served.url,
        "--login",
        "demo",
        "--password-file",
        "-",
        env=environment,
        text="demo-password\n",
    )
    config = tmp_path / "config" / "config.toml"
    config.write_text(config.read_text().replace("127.0.0.1", "localhost"))

    result = run("devices", env=environment)

    assert result.code == 3
    assert "no password or token is stored" in result.err


def test_profiles_switch_and_go(run, environment):
    for name in ("one", "two"):
        run("profile", "add", name, "--password-file", "-", env=environment, text="a-token\n")

    assert run("profile", "use", "two", env=environment).code == 0
    assert run("profile", "remove", "one", env=environment).code == 0
    assert json.loads(run("profile", env=environment).out)["name"] == "two"
    assert run("profile", "use", "one", env=environment).code == 2
    assert run("profile", "add", "../x", env=environment, text="a\n").code == 2


def test_broken_config_is_an_error(run, environment, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text("profiles = 5")

    result = run("devices", env=environment)

    assert result.code == 2
    assert "config.toml" in result.err


SOURCES = {
    "nothing": ({}, "", [], 3),
    "url of the environment gets no password of .env": (
        {"SMSGATE_BASE_URL": "{url}"}, "SMSGATE_USERNAME=demo\nSMSGATE_PASSWORD=demo-password", [], 3,
    ),
    "url of .env gets no password of the profile": ({}, "SMSGATE_BASE_URL={url}", [], 3),
    "url option gets no password of the environment": (
        {"SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password"}, "", ["--url", "{url}"], 3,
    ),
    "credentials without url beside a url": (
        {"SMSGATE_BASE_URL": "{url}"}, "", ["--login", "demo", "--password", "demo-password"], 2,
    ),
    "all of the environment": (
        {"SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": "{url}"}, "", [], 0,
    ),
    "all of .env": (
        {}, "SMSGATE_USERNAME=demo\nSMSGATE_PASSWORD=demo-password\nSMSGATE_BASE_URL={url}", [], 0,
    ),
    "options before the environment": (
        {"SMSGATE_USERNAME": "x", "SMSGATE_PASSWORD": "x", "SMSGATE_BASE_URL": "http://127.0.0.1:1"},
        "",
        ["--url", "{url}", "--login", "demo", "--password", "demo-password"],
        0,
    ),
    "profile and options": ({}, "", ["--profile", "home", "--login", "demo"], 2),
    "unknown profile": ({}, "", ["--profile", "elsewhere"], 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_gateway_and_credentials_come_from_one_source(run, environment, served, tmp_path, name):
    variables, dotenv, options, code = SOURCES[name]
    if dotenv:
        (tmp_path / ".env").write_text(dotenv.replace("{url}", served.url))
    env = {**environment, **{key: value.replace("{url}", served.url) for key, value in variables.items()}}

    result = run("devices", *(one.replace("{url}", served.url) for one in options), env=env)

    assert result.code == code, result.err
    assert "demo-password" not in result.err


def test_secret_option_has_a_warning(run, environment, served):
    result = run("devices", "--url", served.url, "--login", "demo", "--password", "demo-password", env=environment)

    assert result.code == 0
    assert "visible in ps" in result.err


def test_terminal_asks_for_the_password(terminal, environment, served):
    result = terminal(
        "devices", "--url", served.url, "--login", "demo", env=environment, type_after=[("Password", "demo-password\n")]
    )

    assert result.code == 0, result.out
    assert "demo-password" not in result.out


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_on_request(terminal, environment, variable):
    shown = terminal("status", "x", env=environment)
    plain = terminal("status", "x", env={**environment, **variable})

    assert "\033[" in shown.out
    assert "\033[" not in plain.out


def test_prints_completion(run, environment):
    result = run("--show-completion", "bash", env={**environment, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})

    assert result.code == 0, result.err
    assert "_SMSGATE_COMPLETE" in result.out


def test_completes_commands(run, environment):
    env = {**environment, "_SMSGATE_COMPLETE": "complete_bash", "COMP_WORDS": "smsgate we", "COMP_CWORD": "1"}

    assert "webhooks" in run(env=env).out

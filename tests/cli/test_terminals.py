"""Narrow terminals, colours and completion."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smsgate import APIClient, Webhook, WebhookEvent
from smsgate.emulator import Gateway
from smsgate.testing import serve

ESCAPES = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")
HOOK, MESSAGE = "webhook-of-21-letters", "message-of-21-letters"
PROGRAM = Path(sys.executable).with_name("smsgate")


@pytest.fixture(scope="module")
def gateway():
    return Gateway(phone=False)


@pytest.fixture(scope="module")
def url(gateway):
    with serve(gateway) as server, APIClient("demo", "demo-password", base_url=server.url) as client:
        client.create_webhook(Webhook(id=HOOK, url="https://example.com/sms", event=WebhookEvent.SMS_SENT))
        client.send("Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\xdfe", to=["+12025550100", "+12025550101"], id=MESSAGE)
        yield server.url


@pytest.fixture
def account(environment, url):
    return {**environment, "SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}


@pytest.mark.parametrize("width", ["80", "40", "20"])
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("messages --content", [MESSAGE, "Pending"]),
        (f"status {MESSAGE}", [MESSAGE, "+12025550100", "+12025550101"]),
        (f"wait {MESSAGE} --wait-timeout 0", [MESSAGE, "+12025550100"]),
        ("webhooks", [HOOK]),
        ("devices", []),
        ("health", ["pass"]),
    ],
)
def test_ids_are_whole_at_every_width(terminal_fork, account, gateway, *, width, words, shown):
    wanted = [gateway.devices[0].id] if words == "devices" else shown

    result = terminal_fork(*words.split(), env={**account, "COLUMNS": width})

    plain = ESCAPES.sub("", result.out)
    assert all(one in plain for one in wanted), plain
    assert "Traceback" not in plain


@pytest.mark.parametrize("width", ["40", "20"])
def test_help_and_doctor_fit_a_narrow_terminal(terminal_fork, account, width):
    for words in ["--help", "send --help", "doctor", "segments x", "settings"]:
        result = terminal_fork(*words.split(), env={**account, "COLUMNS": width})

        assert result.code in {0, 6}, result
        assert "Traceback" not in result.out


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_documents_have_no_colours(run_fork, account, form):
    result = run_fork("messages", "-o", form, env={**account, "FORCE_COLOR": "1"})

    assert "\x1b" not in result.out + result.err


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_pipes_and_dumb_terminals_have_no_colours(run_fork, terminal_fork, account, variables):
    colours = re.compile(r"\x1b\[[\d;]*(?:3\d|4\d|9\d)m")
    env = {**account, **variables}

    results = [run_fork("status", MESSAGE, "-o", "table", env=env)]
    if variables:
        results.append(terminal_fork("status", MESSAGE, env=env))

    assert not any(colours.search(one.out) for one in results), results


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_texts_are_utf_8_in_every_locale(run, account, gateway, variables):
    text = "Gr\xfc\xdfe \N{EN DASH} 5 \N{EURO SIGN}"
    env = {**account, **variables}

    given = run("send", text, "--to", "+12025550100", "--id", f"given-{len(variables)}", env=env)
    piped = run("send", "-", "--to", "+12025550100", "--id", f"piped-{len(variables)}", env=env, text=text)

    assert (given.code, piped.code) == (0, 0), (given, piped)
    assert {one.text for one in gateway.outbox if one.id.endswith(f"-{len(variables)}")} == {text}


COMPLETIONS = {"smsgate we": "webhooks", "smsgate webhooks sy": "sync", "smsgate send --wai": "--wait"}


def complete_in_fish(env):
    """Return what fish offers for each line."""
    script = "\n".join(["smsgate --show-completion fish | source", *(f"complete -C '{line}'" for line in COMPLETIONS)])
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, env=env, check=True)
    return done.stdout


ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D'
zpty -w shell 'eval "$(smsgate --show-completion zsh)"; echo re"ady"'
zpty -r -m shell shown '*ready*'
for line in "$@"; do
  zpty -n -w shell "$line"$'\\t'
  zpty -r -m shell shown "*$expected[1]*" && print -r -- "$shown"
  shift expected
  zpty -n -w shell $'\\x15'
done
zpty -d shell
"""


def complete_in_zsh(env):
    """Return what zsh shows after a tab behind each line."""
    script = f"expected=({' '.join(COMPLETIONS.values())})\n{ZSH}"
    done = subprocess.run(
        ["zsh", "-f", "-c", script, "zsh", *COMPLETIONS],
        capture_output=True,
        text=True,
        env=env,
        check=True,
        timeout=60,
    )
    return done.stdout


def complete_in_bash(env):
    """Return what bash offers for each line."""
    lines = ['eval "$(smsgate --show-completion bash)"']
    for line in COMPLETIONS:
        words = line.split(" ")
        lines += [
            f"COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}",
            f"_smsgate_completion smsgate {words[-1]} {words[-2]}",
            'printf "%s\\n" "${COMPREPLY[@]}"',
        ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)], capture_output=True, text=True, env=env, check=True
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_works_in_the_shell(environment, shell, tmp_path):
    if shutil.which(shell) is None or not PROGRAM.exists():
        pytest.skip(f"{shell} or the installed program is missing")
    env = {
        **environment,
        "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }

    shown = {"bash": complete_in_bash, "zsh": complete_in_zsh, "fish": complete_in_fish}[shell](env)

    assert all(word in shown for word in COMPLETIONS.values()), shown

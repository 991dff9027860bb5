"""Start of the program: what help loads, and what it costs beside an empty program of typer."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

import pytest

EMPTY = """
import typer
app = typer.Typer()
@app.command()
def one(name: str): "One command."
@app.command()
def two(name: str): "Another command."
app()
"""
LIMIT_RATIO = 1.3
ROUNDS = 7


def loaded_by(*arguments, environment):
    """Names of the modules that are loaded at the end of the command."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        f"from smsgate.__main__ import main\nmain({list(arguments)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return set(done.stderr.split())


def test_version_loads_no_typer(environment):
    assert not {"typer", "pydantic", "smsgate_api"} & loaded_by("--version", environment=environment)


@pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"], ["status", "--help"], ["doctor", "--help"]])
def test_help_loads_neither_models_nor_pydantic(environment, arguments):
    loaded = loaded_by(*arguments, environment=environment)

    assert "typer" in loaded
    assert not {"pydantic", "smsgate_api", "httpx", "smsgate.client", "smsgate._sync"} & loaded


@pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"]])
def test_help_costs_little_more_than_an_empty_program(environment, tmp_path, arguments):
    (tmp_path / "empty.py").write_text(EMPTY)
    ratios = []
    for _ in range(3):  # the least of three: other programs may disturb a round
        ours, empty = [], []
        for _ in range(ROUNDS):
            empty.append(cpu_of([sys.executable, str(tmp_path / "empty.py"), "--help"], environment))
            ours.append(cpu_of([sys.executable, "-m", "smsgate", *arguments], environment))
        ratios.append(statistics.median(ours) / statistics.median(empty))
        if ratios[-1] <= LIMIT_RATIO:
            break

    assert min(ratios) <= LIMIT_RATIO, ratios


def cpu_of(command, environment):
    """Seconds of processor time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

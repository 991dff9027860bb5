"""Container recipe, compose file and workflow of the emulator: linted, parsed, and their commands run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from eventually import LIMIT

yaml = pytest.importorskip("yaml", reason="reads the files")
pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "examples" / "emulator_container"
DOCKERFILE = FOLDER / "Dockerfile"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
WORKFLOW = yaml.safe_load((FOLDER / "github-actions.yml").read_text("utf-8"))
PATH = f"{ROOT / 'src'}{os.pathsep}{ROOT / 'generated'}"
ENVIRONMENT = {**os.environ, "PYTHONPATH": PATH}


def instructions():
    """Instructions of the recipe, as (name, rest)."""
    lines = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text("utf-8")).splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def the(name: str) -> str:
    (found,) = (rest for instruction, rest in instructions() if instruction == name)
    return found


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def on_this_machine(command: list[str], port: str) -> list[str]:
    """A command of the container, for this interpreter, the loopback address and another port."""
    changed = [part.replace("8787", port).replace("0.0.0.0", "127.0.0.1") for part in command]
    return [sys.executable, *changed[1:]] if command[0] == "python" else changed


def builder() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def test_linter_finds_nothing_in_the_recipe():
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("needs hadolint")

    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_recipe_copies_everything_that_the_package_is_built_of(tmp_path):
    pytest.importorskip("hatchling", reason="builds the package")
    for _, rest in (found for found in instructions() if found[0] == "COPY"):
        *sources, _target = rest.split()
        for source in sources:
            path = ROOT / source
            (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / source)

    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", tmp_path / "dist", tmp_path], check=True)

    (wheel,) = (tmp_path / "dist").iterdir()
    assert wheel.name.startswith("smsgate-")


@pytest.mark.skipif(not builder(), reason="needs a container builder")
def test_recipe_builds():
    subprocess.run(["docker", "build", "--quiet", "--file", DOCKERFILE, ROOT], check=True)


def test_container_of_the_compose_file_starts_gets_healthy_and_stops():
    port = free_port()
    command = on_this_machine([*json.loads(the("ENTRYPOINT")), *COMPOSE["services"]["sms"]["command"]], port)
    check = on_this_machine(json.loads(the("HEALTHCHECK").partition("CMD ")[2]), port)

    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert port.encode() in process.stdout.readline()
            healthy = subprocess.run(check, check=False).returncode
            host = COMPOSE["services"]["sms"]["command"][3]
            request = urllib.request.Request(f"http://127.0.0.1:{port}/_emulator/docs", headers={"Host": host})
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as page:
                allowed = page.status
        finally:
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=LIMIT)

    assert (healthy, allowed, process.returncode, errors) == (0, 200, 0, b"")


def test_health_check_fails_where_nothing_listens():
    check = on_this_machine(json.loads(the("HEALTHCHECK").partition("CMD ")[2]), free_port())

    assert subprocess.run(check, capture_output=True, check=False).returncode == 1


def test_files_agree_about_port_account_and_host():
    application = COMPOSE["services"]["app"]
    sms = COMPOSE["services"]["sms"]
    (published,) = sms["ports"]
    runner = {name: WORKFLOW["env"][name] for name in application["environment"]}

    assert (FOLDER / sms["build"]["context"]).resolve() == ROOT
    assert (ROOT / sms["build"]["dockerfile"]) == DOCKERFILE
    assert published == f"127.0.0.1:{the('EXPOSE')}:{the('EXPOSE')}"
    assert application["environment"]["SMSGATE_BASE_URL"] == "http://sms:8787/3rdparty/v1"
    assert {**application["environment"], "SMSGATE_BASE_URL": runner["SMSGATE_BASE_URL"]} == runner
    assert application["depends_on"] == {"sms": {"condition": "service_healthy"}}
    assert list(WORKFLOW["jobs"]["service"]["services"]) == ["sms"]
    assert WORKFLOW["jobs"]["service"]["services"]["sms"]["ports"] == [f"{the('EXPOSE')}:{the('EXPOSE')}"]


@pytest.mark.skipif(None in {shutil.which("bash"), shutil.which("curl")}, reason="needs bash and curl")
def test_workflow_starts_the_emulator_and_waits_for_it(tmp_path):
    port = free_port()
    steps = WORKFLOW["jobs"]["process"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("name") == "Start the emulator")
    script = script.replace("8787", port).replace("python ", f"{shlex.quote(sys.executable)} ")

    done = subprocess.run(
        ["bash", "-e", "-c", script + "\necho pid $!"],
        env={**ENVIRONMENT, "NO_PROXY": "127.0.0.1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    pid = re.search(r"pid (\d+)", done.stdout)
    if pid:
        os.kill(int(pid[1]), signal.SIGTERM)
    assert done.returncode == 0
    assert '"status":"pass"' in done.stdout

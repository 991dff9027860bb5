"""Where a document comes from: files, URLs within bounds, and names of packages."""

from __future__ import annotations

import base64
import json
import socket

import pytest

from generating import NEEDS_GENERATOR, api, returns, run_generator, serving
from smsgate.codegen import _document

pytestmark = NEEDS_GENERATOR
DOCUMENT = api({"/x": {"get": {"operationId": "x", "responses": returns()}}})


@pytest.fixture
def stub():
    with serving() as server:
        yield server


def generate(source, folder, package="made"):
    return run_generator(source, "--package", package, "--output", folder)


def test_document_is_read_from_a_url(tmp_path, stub):
    stub.answer(DOCUMENT)

    assert generate(f"{stub.url}/openapi.json", tmp_path) == (0, "")
    assert (tmp_path / "made" / "operations.py").exists()


def test_credentials_and_query_of_a_url_are_never_shown(tmp_path, stub):
    stub.answer({"message": "no"}, 403)
    address = stub.url.replace("://", "://user:hunter2@")

    code, errors = generate(f"{address}/openapi.json?key=hunter3", tmp_path)

    assert code == 2
    assert "hunter" not in errors
    assert "cannot be downloaded (Forbidden)" in errors
    assert len(errors.splitlines()) == 1


def test_credentials_of_a_url_are_sent_to_its_host(tmp_path, stub):
    stub.answer(DOCUMENT)
    address = stub.url.replace("://", "://user:p%40ss@")

    assert generate(f"{address}/openapi.json?key=a#here", tmp_path) == (0, "")
    (request,) = stub.requests
    assert request.target == "/openapi.json?key=a"
    assert request.headers["Authorization"] == f"Basic {base64.b64encode(b'user:p@ss').decode()}"


def test_download_is_bounded_in_size(tmp_path, stub, monkeypatch):
    monkeypatch.setattr(_document, "_MAX_BYTES", 100)
    stub.answer({"padding": "x" * 1000})

    code, errors = generate(f"{stub.url}/openapi.json", tmp_path)

    assert (code, "larger than 100 bytes" in errors) == (2, True)


def test_download_is_bounded_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(_document, "_MAX_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never responds
        code, errors = generate(f"http://127.0.0.1:{silent.getsockname()[1]}/openapi.json", tmp_path)

    assert code == 2
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("no-such-file.yaml", "no-such-file.yaml: No such file or directory"),
        ("file:///etc/hostname", "only http and https URLs are read"),
        ("http://127.0.0.1:1/openapi.json", "cannot be downloaded"),
        (".", "Is a directory"),
    ],
)
def test_source_that_cannot_be_read_is_named(tmp_path, monkeypatch, source, complaint):
    monkeypatch.chdir(tmp_path)

    code, errors = generate(source, tmp_path / "out")

    assert code == 2
    assert complaint in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("package", ["my-api", "class", "a.b", "../up", "1st", ""])
def test_package_needs_a_python_name(tmp_path, package):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")

    code, errors = generate(path, tmp_path / "out", package)

    assert code == 2
    assert "is no name of a package" in errors
    assert not (tmp_path / "out").exists()


def test_output_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")

    code, errors = generate(path, path)

    assert code == 2
    assert len(errors.splitlines()) == 1


def test_files_of_others_are_left_alone(tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    package = tmp_path / "made"
    package.mkdir()
    for name in ("models.py.new", "notes.txt", "more.py"):
        (package / name).write_text("mine", encoding="utf-8")

    assert generate(path, tmp_path) == (0, "")
    assert [(package / name).read_text() for name in ("models.py.new", "notes.txt", "more.py")] == ["mine"] * 3
    assert sorted(each.name for each in package.iterdir() if not each.name.endswith((".py", ".typed"))) == [
        "models.py.new",
        "notes.txt",
    ]


def test_nothing_is_written_where_one_file_cannot_be(tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    package = tmp_path / "made"
    (package / "operations.py").mkdir(parents=True)

    code, errors = generate(path, tmp_path)

    assert (code, "operations.py was not generated; it is left as it is" in errors) == (2, True)
    assert [each.name for each in package.iterdir()] == ["operations.py"]

"""Parsing of documents: YAML 1.2 without surprises, and nothing that a second reader would understand differently."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from generating import NEEDS_GENERATOR, run_generator
from smsgate.codegen import _document

pytestmark = NEEDS_GENERATOR
HEAD = b"openapi: 3.1.0\ninfo: {}\npaths: {}\n"


def parsed(content):
    from smsgate.codegen._parsing import parse

    return parse(content, "document")


def complaint_about(folder, content, name="document.yaml"):
    path = folder / name
    path.write_bytes(content)
    code, errors = run_generator(path, "--package", "made", "--output", folder / "out")
    assert code == 2, errors
    assert len(errors.splitlines()) == 1, errors
    assert errors[:-1].isprintable(), errors
    assert not (folder / "out").exists()
    return errors


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"), ("08:00", "08:00"), ("010", 10), ("1_000", "1_000"), ("=", "="), ("yes", "yes"),
        ("off", "off"), ("2026-01-31", "2026-01-31"), ("1e3", 1000.0), ("0o14", 12), ("0x1F", 31), ("0b1", "0b1"),
        ("TRUE", True), ("~", None), ("", None), ("!!str 5", "5"), ("-.5", -0.5), ("1.2.3", "1.2.3"), ("'<<'", "<<"),
    ],
)  # fmt: skip
def test_yaml_is_read_by_its_version_1_2(text, value):
    (found,) = parsed(f"a: {text}\n".encode()).values()

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a: 1\nb: {x: 1,\n  x: 2}\n", "line 2: a key stands twice"),
        (b'{"a": {"x": 1, "x": 2}}', "the key 'x' stands twice"),
        (b'a: {200: 1, "200": 2}', "a key stands twice, as a number and as text"),
        (b"a: &a {x: 1}\nb: {<<: *a}\n", "line 2: merge keys (<<) are not supported"),
        (b'{"a": 1e400}', "number that is too large"),
        (b'{"a": NaN}', "number that is too large or none"),
        (b'{"a": 1' + b"0" * 400 + b"}", "number that is too large"),
        (b"a: .inf", "number that is too large"),
        (b"a: 0x" + b"f" * 6000, "number that is too large"),
        (b"!!binary aGk=: 1", "neither JSON nor YAML"),
        (b"!!timestamp 2020-01-01: 1", "neither JSON nor YAML"),
        (b"a: !!bool maybe", "neither JSON nor YAML"),
        (b"a: !!timestamp foo", "neither JSON nor YAML"),
        (b'a: !!int ""', "neither JSON nor YAML"),
        (b"a: !!set {a, b}", "neither JSON nor YAML"),
        (b"? [a]\n: 1", "neither JSON nor YAML"),
        (HEAD + b'x-a: "\\e[31m"\n"\\e[31m": 1\npaths: {}', "a key stands twice"),
        (b'openapi: 3.1.0\npaths: {/a: {"\\e[31m\\nx": {}}}', "\\x1b[31m\\nx of a path is not supported"),
    ],
)  # fmt: skip
def test_what_readers_understand_differently_is_refused_in_one_line(tmp_path, content, complaint):
    assert complaint in complaint_about(tmp_path, content)


def test_endless_file_is_read_up_to_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(_document, "_MAX_BYTES", 1000)

    code, errors = run_generator("/dev/zero", "--package", "made", "--output", tmp_path / "out")

    assert (code, errors) == (2, "smsgate.codegen: /dev/zero: larger than 1000 bytes\n")


@pytest.mark.parametrize(
    "source",
    [
        "http://user:hunter2@localhost.invalid/openapi.json",
        "http://user:hunter2/@127.0.0.1/openapi.json",
        "http://user:hunter2@[::1",
        "http://127.0.0.1:hunter2@/x?key=hunter2#hunter2",
        "ftp://user:hunter2@127.0.0.1/x",
    ],
)
def test_broken_url_is_refused_without_its_credentials(tmp_path, source):
    code, errors = run_generator(source, "--package", "made", "--output", tmp_path / "out")

    assert code == 2
    assert "hunter" not in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"nonsense\r\n\r\n"])
def test_server_that_trickles_or_talks_nonsense_costs_bounded_time(tmp_path, monkeypatch, start):
    monkeypatch.setattr(_document, "_MAX_SECONDS", 0.5)
    done = threading.Event()

    def trickle(listener):
        with listener, listener.accept()[0] as connection:
            connection.sendall(start)
            with contextlib.suppress(OSError):
                while not done.wait(0.05):
                    connection.sendall(b"X-A: 1\r\n")

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=trickle, args=(listener,), daemon=True)
    thread.start()
    begin = time.monotonic()
    code, errors = run_generator(
        f"http://127.0.0.1:{listener.getsockname()[1]}/x", "--package", "made", "--output", tmp_path / "out"
    )
    done.set()
    thread.join(10)

    assert (code, len(errors.splitlines())) == (2, 1)
    assert time.monotonic() - begin < 25

"""Generated packages for tests: made in a folder, imported, and sent to a server on loopback."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import itertools
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDS_GENERATOR = [
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the code generator needs Python 3.11"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("jsonpath", "yaml", "ruff")),
        reason="the code generator's tools are not installed",
    ),
]
_numbers = itertools.count(1)


def run_generator(*arguments):
    """Exit code and what was printed on standard error."""
    from smsgate.codegen.__main__ import main

    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = main([str(argument) for argument in arguments])
    return code, errors.getvalue()


def api(paths, schemas=None, **more):
    """An OpenAPI document."""
    components = {"schemas": schemas or {}, **more.pop("components", {})}
    return {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": paths,
        "components": components,
        **more,
    }


def body(schema, media="application/json", *, required=True):
    return {"required": required, "content": {media: {"schema": schema}}}


def returns(schema=None, media="application/json"):
    content = {} if schema is None else {"content": {media: {"schema": schema}}}
    return {"200": {"description": "Good.", **content}}


class Package:
    """An imported package.

    Attributes:
        folder: where it was made.
        name: its name.
        models, operations: its modules.
    """

    def __init__(self, folder, source, *overlays):
        self.folder, self.name = folder, f"made_{next(_numbers)}"
        path = source
        if isinstance(source, dict):
            path = folder / f"{self.name}.json"
            path.write_text(json.dumps(source), encoding="utf-8")
        given = [argument for overlay in overlays for argument in ("--overlay", overlay)]
        code, errors = run_generator(path, *given, "--package", self.name, "--output", folder)
        assert code == 0, errors
        sys.path.insert(0, str(folder))
        try:
            self.models = importlib.import_module(f"{self.name}.models")
            self.operations = importlib.import_module(f"{self.name}.operations")
        finally:
            sys.path.remove(str(folder))


def refusal(folder, document):
    """The one line with which a document is refused; nothing is written."""
    path = folder / "refused.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    code, errors = run_generator(path, "--package", "refused", "--output", folder / "out")
    assert code == 2, errors
    assert len(errors.splitlines()) == 1
    assert not (folder / "out").exists()
    return errors


def type_errors(folder, program):
    """The lines of mypy about a program that uses packages of a folder."""
    path = folder / "program.py"
    path.write_text(program, encoding="utf-8")
    config = folder / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = True\nfollow_imports = silent\nmypy_path = {folder}:{ROOT / 'src'}\n")
    cache = folder.parent / "mypy-of-generated"
    command = [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", cache, "--no-error-summary", path]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder).stdout.splitlines()


@dataclass
class Stub:
    """A server that records requests and returns the next response, or the last one again."""

    responses: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    url: str = ""

    def answer(self, content=b"", status=200, media="application/json"):
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.responses.append((status, media, text))


@contextlib.contextmanager
def serving():
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self):
            length = int(self.headers.get("Content-Length") or 0)
            stub.requests.append(
                SimpleNamespace(
                    method=self.command, target=self.path, headers=self.headers, body=self.rfile.read(length)
                )
            )
            status, media, text = stub.responses.pop(0) if len(stub.responses) > 1 else stub.responses[0]
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_one  # noqa: N815

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

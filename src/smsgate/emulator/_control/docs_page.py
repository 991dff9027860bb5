"""Documentation page of the control API, written from its OpenAPI document."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from typing import Any

from smsgate.emulator._control.openapi import document

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --link: #06c; }
@media (prefers-color-scheme: dark) { :root { --link: #6bf; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 56rem; padding: 1rem; }
a { color: var(--link); }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
summary { align-items: baseline; cursor: pointer; display: flex; flex-wrap: wrap; gap: .25rem .75rem; }
summary { padding: .5rem .75rem; }
details > div { border-top: 1px solid var(--line); overflow-x: auto; padding: .25rem .75rem .75rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
summary code { overflow-wrap: anywhere; }
pre { background: var(--soft); border-radius: .5rem; overflow-x: auto; padding: .5rem .75rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem 1rem .25rem 0; vertical-align: top; }
b { font-family: ui-monospace, monospace; min-width: 4rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Content security policy of the page."""


@cache
def html() -> str:
    """Return the page."""
    described = document()
    groups: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    body = "".join(f"<h2>{escape(name)}</h2>{''.join(items)}" for name, items in groups.items())
    models = "".join(_model(escape(name), schema) for name, schema in described["components"]["schemas"].items())
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(described['info']['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(described['info']['title'])}</h1><p>{escape(described['info']['description'])} "
        'The <a href="openapi.json">OpenAPI document</a> says the same to programs. '
        f"Without credentials; web pages of other origins are refused.</p>{body}<h2>Types</h2>{models}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    name = f"<b>{escape(method.upper())}</b><code>{escape(path)}</code>"
    parts = [
        _row(f"{item['name']} ({item['in']})", _type(item["schema"]), "required" if item["required"] else "")
        for item in operation["parameters"]
    ]
    if "requestBody" in operation:
        note = "required" if operation["requestBody"]["required"] else ""
        parts.append(_row("body", _content(operation["requestBody"]), note))
    parts += [
        _row(status, _content(response), escape(response["description"]))
        for status, response in operation["responses"].items()
    ]
    head = f"<summary>{name} {escape(operation['summary'])}</summary>"
    return f"<details>{head}<div><table>{''.join(parts)}</table></div></details>"


def _row(name: str, kind: str, note: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{note}</td></tr>"


def _content(part: dict[str, Any]) -> str:
    return ", ".join(f"{escape(kind)} {_type(content['schema'])}" for kind, content in part.get("content", {}).items())


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    return f"<code>{escape(json.dumps(schema, ensure_ascii=False))}</code>"


def _model(name: str, schema: dict[str, Any]) -> str:
    shown = escape(json.dumps(schema, indent=2, ensure_ascii=False))
    note = f"<p>{escape(schema['description'])}</p>" if "description" in schema else ""
    return f'<details id="{name}"><summary><code>{name}</code></summary><div>{note}<pre>{shown}</pre></div></details>'

"""Source of operations.py: one function for each operation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ._escaping import docstring, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._operations import Plan
    from ._parameters import Argument
    from ._responses import Readers

_SUPPORT = {
    "pydantic": ("Field",),
    "smsgate.runtime.arguments": (
        "build_query", "check_token", "encode_path_id", "encode_path_number", "write_flag", "write_integer",
        "write_member", "write_text", "write_time",
    ),
    "smsgate.runtime.explicit": ("UNIQUE",),
    "smsgate.runtime.reading": ("ObjectReader", "PageReader", "read_bytes", "read_nothing"),
    "smsgate.runtime.requests": (
        "build_cookies", "build_headers", "check_required", "content_type_of", "encode_bytes", "encode_form",
        "encode_parts", "encode_path_value", "encode_text", "encode_value", "write_any_text", "write_choice",
        "write_date", "write_number", "write_repeated", "write_scalar", "write_separated", "write_uuid",
    ),
    "smsgate.runtime.types": ("Operation", "Page", "Readers", "Timestamp", "encode"),
    "smsgate.runtime.values": ("JSONValue", "StatusReader", "read_text"),
    "typing_extensions": ("deprecated",),
    "functools": ("partial",),
    "typing": ("TYPE_CHECKING", "Annotated", "Any", "Literal"),
    "uuid": ("UUID",),
}  # fmt: skip
"""What the module may need; ruff removes the rest."""
SUPPORT_NAMES = frozenset({"models", "date", "datetime", *(name for names in _SUPPORT.values() for name in names)})
"""Names that no function and no argument may have."""
_HEAD = """
from __future__ import annotations

from datetime import date as _date
{support}
from . import models
""".format(support="".join(f"from {module} import {', '.join(names)}\n" for module, names in _SUPPORT.items()))
_TITLE = "The operations of the API as pure functions: typed arguments in, an ``Operation`` out, nothing sent."
_LIST_ARGUMENTS = {"limit", "offset"}


def write_functions(plans: list[Plan], readers: Readers, header: str) -> str:
    """Return the text of operations.py, which ruff has yet to tidy."""
    errors = _shared_errors(plans)
    lines = [
        f'"""{_TITLE}\n\n{header}\n"""',
        _HEAD + _times(plans, readers),
        f"__all__ = {sorted(plan.name for plan in plans)!r}",
        "\n\ndef __dir__() -> list[str]:\n    return list(__all__)\n\n",
        *(
            _reader(name, source, readers.hints.get(name, ""))
            for name, source in sorted(readers.lines.items(), key=_by_kind)
        ),
        *(f"{name}: Readers = {source}" for source, name in errors.items()),
        *(f"\n\n{_function(plan, errors)}" for plan in plans),
    ]
    return "\n".join(lines) + "\n"


def _reader(name: str, source: str, hint: str) -> str:
    return f"{name}: {hint} = {source}" if hint else f"{name} = {source}"


def _times(plans: list[Plan], readers: Readers) -> str:
    """Return the imports that only annotations need."""
    hints = [*readers.hints.values(), *(each.hint for plan in plans for each in plan.arguments)]
    hints += [reading.hint for plan in plans for _, reading in plan.readings]
    hints += [plan.body.hint for plan in plans if plan.body]
    names = sorted({name for hint in hints for name in re.findall(r"(?<![.\w])(?:date|datetime)\b", hint)})
    return f"\nif TYPE_CHECKING:\n    from datetime import {', '.join(names)}\n" if names else ""


def _by_kind(reader: tuple[str, str]) -> tuple[bool, str, str]:
    name, source = reader
    return not source.startswith("ObjectReader"), source.partition("(")[0], name


def _shared_errors(plans: list[Plan]) -> dict[str, str]:
    """Return the names of the tables of error readers, by their source text."""
    found: dict[str, str] = {}
    for plan in plans:
        if plan.errors:
            found.setdefault(_errors_source(plan), f"_{plan.name}_errors")
    return found


def _errors_source(plan: Plan) -> str:
    by_reader: dict[str, list[str]] = {}
    for status, reader in sorted(plan.errors.items()):
        by_reader.setdefault(reader, []).append(status)
    tables = [f"dict.fromkeys({literal(statuses)}, {reader})" for reader, statuses in by_reader.items()]
    return tables[0] if len(tables) == 1 else f"{{{', '.join(f'**{table}' for table in tables)}}}"


def _function(plan: Plan, errors: dict[str, str]) -> str:
    hints = list(dict.fromkeys(reading.hint for _, reading in plan.readings)) or ["None"]
    mark = f'@deprecated("{plan.name} is deprecated", category=None)\n' if plan.node.flag("deprecated") else ""
    lines = [
        f"{mark}def {plan.name}(",
        *(f"    {line}," for line in _signature(plan)),
        f") -> Operation[{' | '.join(hints)}]:",
        f"    {docstring(_documentation(plan), 4)}",
        "    return Operation(",
        *(f"        {line}," for line in _call(plan, errors)),
        "    )",
    ]
    return "\n".join(lines)


def _signature(plan: Plan) -> Iterable[str]:
    in_path = [each for each in plan.arguments if each.place == "path"]
    others = [each for each in plan.arguments if each.place != "path"]
    yield from (f"{each.name}: {each.hint}" for each in in_path)
    if plan.security.auth == "refresh":
        yield "refresh_token: str"
    if plan.body is not None:
        yield f"body: {plan.body.hint}" if plan.body.is_required else f"body: {plan.body.hint} | None = None"
    if others:
        yield "*"
    yield from (f"{each.name}: {each.hint}" + ("" if each.is_required else " | None = None") for each in others)


def _documentation(plan: Plan) -> str:
    summary, description = plan.node.text("summary").strip(), plan.node.text("description").strip()
    if not summary:
        summary, _, description = (description or f"{plan.method} {plan.template}").partition("\n")
    paragraphs = [f"{summary.rstrip('.').strip()}.", *([description.strip()] if description.strip() else [])]
    arguments = [f"    {name}: {text}" for name, text in _argument_texts(plan) if text]
    return "\n\n".join([*paragraphs, "\n".join(["Args:", *arguments])] if arguments else paragraphs)


def _argument_texts(plan: Plan) -> Iterable[tuple[str, str]]:
    for each in plan.arguments:
        if each.place == "path":
            yield each.name, _indent(each)
    if plan.security.auth == "refresh":
        yield "refresh_token", "The refresh token, sent as the bearer."
    if plan.body is not None:
        yield "body", "What to send."
    for each in plan.arguments:
        if each.place != "path":
            yield each.name, _indent(each)


def _indent(each: Argument) -> str:
    return each.description.replace("\n", "\n        ")


def _call(plan: Plan, errors: dict[str, str]) -> Iterable[str]:
    yield literal(plan.name)
    yield literal(plan.method)
    yield _path_source(plan)
    yield _reader_source(plan)
    queries = [each for each in plan.arguments if each.place == "query"]
    if queries:
        yield f"query=build_query({''.join(f'{_triple(each)}, ' for each in queries)})"
    if plan.body is not None:
        source = plan.body.source if plan.body.is_required else f"None if body is None else {plan.body.source}"
        if plan.body.media:
            yield f"content={source}"
            yield from [] if plan.body.media == "application/json" else [f"content_type={literal(plan.body.media)}"]
        else:
            yield f"content=(_parts := {source})"
            yield "content_type=content_type_of(_parts)"
    if fields := list(_header_fields(plan)):
        yield f"headers=build_headers({', '.join(fields)})"
    if plan.security.auth != "client":
        yield f"auth={literal(plan.security.auth)}"
    if plan.security.auth == "refresh":
        yield 'token=check_token("refresh_token", refresh_token)'
    yield f"repeat={literal(plan.repeat)}"
    if plan.scope:
        yield f"scope={literal(plan.scope)}"
    if plan.also_success:
        yield f"also_success=({', '.join(map(str, plan.also_success))},)"
    if plan.errors:
        yield f"errors={errors[_errors_source(plan)]}"


def _path_source(plan: Plan) -> str:
    writers = {each.name: each.writer for each in plan.arguments if each.place == "path"}
    if len(plan.path) == 1:
        return literal(plan.path[0])
    if all(writer.isidentifier() for writer in writers.values()):
        holes = [
            "{" + f"{writers[part]}('{part}', {part})" + "}" if place % 2 else part
            for place, part in enumerate(plan.path)
        ]
        return f'f"{"".join(holes)}"'
    # before Python 3.12, an f-string cannot hold a call with quotes of its own
    parts = [
        f'{writers[part]}("{part}", {part})' if place % 2 else literal(part) for place, part in enumerate(plan.path)
    ]
    return f'"".join([{", ".join(parts)}])'


def _triple(each: Argument) -> str:
    value = f'check_required("{each.name}", {each.name})' if each.is_required else each.name
    return f"({literal(each.wire)}, {value}, {each.writer})"


def _header_fields(plan: Plan) -> Iterable[str]:
    accept = next((reading.accept for _, reading in plan.readings if reading.accept), "")
    if accept:
        yield f'("Accept", {literal(accept)}, write_text)'
    for each in plan.arguments:
        if each.place == "header":
            yield _triple(each)
    crumbs = [_triple(each) for each in plan.arguments if each.place == "cookie"]
    if crumbs:
        yield f'("Cookie", build_cookies({", ".join(crumbs)}), write_text)'


def _reader_source(plan: Plan) -> str:
    found = dict(plan.readings)
    distinct = {reading.reader for reading in found.values()}
    if not distinct:
        return "read_nothing"
    if len(distinct) > 1:
        return f"StatusReader({{{', '.join(f'{literal(status)}: {each.reader}' for status, each in found.items())}}})"
    reading = next(iter(found.values()))
    counts = {each.name for each in plan.arguments if each.is_count and each.place == "query"}
    if reading.is_page and counts >= _LIST_ARGUMENTS:
        return f"partial({reading.reader}, limit=limit, offset=offset)"
    return reading.reader

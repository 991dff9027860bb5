"""Reference of the command line for the docs: writes ``docs/reference/command-line.md`` from the program's own help.

python scripts/command_reference.py [--check]
"""

from __future__ import annotations

import argparse
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smsgate.__main__ import WITHOUT_TYPER
from smsgate.cli.program import COMMANDS, load_command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "command-line.md"
HEADER = """\
# Commands

Written by `python scripts/command_reference.py` from the help of the program.
The [guide](../guides/command-line.md) explains credentials, output and exit codes.
`-h` and `--help` show all this on the terminal.
"""
SHARED = "devices"
"""Command whose options of output and connection stand for those of all others."""


def main() -> int:
    """Write the page; with ``--check`` only compare it and return 1 when it differs."""
    page = render()
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page:
        return 0
    print(f"{PAGE} differs: run python scripts/command_reference.py")
    return 1


def render() -> str:
    """Return the page."""
    shared = {one.opts[0]: one for one in load_command(SHARED).commands["list"].params}
    parts = [HEADER, "## Options of every command that uses the gateway\n", table(shared.values())]
    for name, entry in COMMANDS.items():
        parts.append(f"## smsgate {name}\n")
        if name in WITHOUT_TYPER:
            parts.append(f"{entry.about}\n")
            parts.append(table(parser_of(WITHOUT_TYPER[name])._actions[1:]))  # noqa: SLF001 - argparse has no public list
            continue
        command = load_command(name)
        if hasattr(command, "commands"):
            parts.append(f"{entry.about}\n")
        for title, one in getattr(command, "commands", {"": command}).items():
            parts.extend(describe(f"smsgate {name} {title}".strip(), one, shared, is_alone=not title))
    return "\n".join(parts)


def describe(title: str, command: Any, shared: Collection[str], *, is_alone: bool) -> Iterator[str]:
    """Yield heading, usage, text, options and examples of one command."""
    arguments = " ".join(usage(one) for one in command.params if not is_option(one))
    if not is_alone:
        yield f"### {title}\n"
    yield f"    {title} [OPTIONS] {arguments}".rstrip() + "\n"
    text = "\n".join(line.strip() for line in (command.help or "").strip().splitlines())
    yield text + "\n"
    uses_gateway = any(one.opts[0] == "--timeout" for one in command.params)
    left_out: Collection[str] = shared if uses_gateway else {"--output", "--redact"}
    own = [one for one in command.params if one.opts[0] not in left_out]
    if own:
        yield table(own)
    examples = [line for line in (command.epilog or "").split("\n\n") if line.startswith("[dim]$")]
    if examples:
        lines = (line.replace("[dim]$[/dim] ", "").replace("\\[", "[") for line in examples)
        yield "\n".join(["```sh", *lines, "```\n"])


def usage(one: Any) -> str:
    """Return how an argument is written."""
    name = (one.metavar or one.name.upper()) + ("…" if one.nargs != 1 else "")
    return name if one.required else f"[{name}]"


def table(options: Any) -> str:
    """Return a table of options and arguments."""
    rows = [f"| {names(one)} | {explain(one)} |" for one in options if getattr(one, "help", None)]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows, ""])


def names(one: Any) -> str:
    """Return the names of an option and the word for its value."""
    listed = getattr(one, "option_strings", None) or (one.opts if is_option(one) else [usage(one)])
    takes_value = is_option(one) and not getattr(one, "is_flag", False) and not getattr(one, "count", False)
    if isinstance(one, argparse.Action):
        takes_value = one.nargs != 0
    value = (one.metavar or "/".join(one.choices or ()) or one.dest.upper()) if is_action(one) else one.metavar
    return ", ".join(f"`{name}`" for name in listed) + (f" {value}" if takes_value and value else "")


def explain(one: Any) -> str:
    """Return the help of an option in Markdown, with its default."""
    text = one.help % {"default": one.default} if is_action(one) else one.help
    default = None if is_action(one) else one.default
    shown = getattr(default, "value", default)
    suffix = (
        f" (default: {shown})" if isinstance(shown, (str, int, float)) and not isinstance(shown, bool) and shown else ""
    )
    return re.sub(r"\\(?=\[)", "", text).replace("|", "\\|").replace("\n", " ") + suffix


def is_option(one: Any) -> bool:
    """Tell whether a parameter is an option."""
    return is_action(one) or one.opts[0].startswith("-")


def is_action(one: Any) -> bool:
    """Tell whether a parameter is one of `argparse`."""
    return isinstance(one, argparse.Action)


def parser_of(module: str) -> Any:
    """Return the parser of a command that uses `argparse`."""
    found = import_module(module)
    return (getattr(found, "_build_parser", None) or found._parser)()  # noqa: SLF001 - of our own program


if __name__ == "__main__":
    sys.exit(main())

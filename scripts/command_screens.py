"""Screens of the command line for the docs: runs commands in a pseudo-terminal, writes ``docs/images/command-*.svg``.

python scripts/command_screens.py
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from smsgate import APIClient
from smsgate.emulator import Gateway
from smsgate.testing import serve

IMAGES = Path(__file__).parent.parent / "docs" / "images"
COLUMNS = 100
SCREENS = {
    "send": 'smsgate send "Your table is ready" --to +12025550100 --to +12025559901 --wait',
    "messages": "smsgate messages --content",
    "doctor": "smsgate doctor",
    "segments": 'smsgate segments "Your table is ready \N{EN DASH} don\N{RIGHT SINGLE QUOTATION MARK}t wait"',
}
"""Name of each screen and the command on it."""


def main() -> None:
    """Serve an emulated gateway, run the commands and write a picture for each screen."""
    IMAGES.mkdir(exist_ok=True)
    with serve(Gateway(seed=1)) as server, tempfile.TemporaryDirectory() as folder:
        with APIClient(server.login, server.password, base_url=server.url) as client:
            client.send("Reply 1 to confirm your table", to="+12025550100", id="reminder-17")
        for name, command in SCREENS.items():
            write_screen(name, command, server.url, Path(folder))


def write_screen(name: str, command: str, url: str, folder: Path) -> None:
    """Run a command and write what the terminal shows at its end."""
    console = Console(record=True, width=COLUMNS, file=(folder / "screen").open("w"), force_terminal=True)
    console.print(Text.assemble(("$ ", "green"), command))
    console.print(Text.from_ansi(last_frame(run(command, url, folder))))
    picture = console.export_svg(title="smsgate", theme=MONOKAI)
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # no fonts from elsewhere
    (IMAGES / f"command-{name}.svg").write_text(
        picture.replace(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0], "8787")
    )
    print(IMAGES / f"command-{name}.svg")


def run(command: str, url: str, folder: Path) -> str:
    """Return everything that a command prints on a terminal."""
    master, slave = pty.openpty()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SMSGATE")},
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm-256color",
        "SMSGATE_USERNAME": "demo",
        "SMSGATE_PASSWORD": "demo-password",
        "SMSGATE_BASE_URL": url,
        "SMSGATE_CONFIG_DIR": str(folder),
    }
    line = [sys.executable, "-m", *shlex.split(command)]
    process = subprocess.Popen(line, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=folder)
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 65_536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    process.wait()
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


def last_frame(shown: str) -> str:
    """Return the text without frames that a live view has erased again."""
    erased = re.split(r"(?:\x1b\[\d*A\x1b\[2K|\r\x1b\[2K)+", shown)[-1]
    return re.sub(r"\x1b\[\?25[hl]", "", erased)


if __name__ == "__main__":
    main()

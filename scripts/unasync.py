"""Conversion of the asynchronous client and its tests to the synchronous ones.

Rules replace words, and a rule that matches nothing is an error. ``--check`` compares instead of writing and fails on
any difference, extra files included.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    (ROOT / "src/smsgate/_async", ROOT / "src/smsgate/_sync"),
    (ROOT / "src/smsgate/emulator/_async", ROOT / "src/smsgate/emulator/_sync"),
    (ROOT / "tests/_async", ROOT / "tests/_sync"),
)
BY_HAND = {"io.py", "tasks.py", "__init__.py", "conftest.py"}

RULES: tuple[tuple[str, str], ...] = (
    (r"\n@pytest\.mark\.anyio(?=\n)", ""),
    (r"\n\n    close = aclose\n", "\n"),
    (r"for asynchronous programs, under asyncio and trio", "for synchronous programs"),
    (r"the tasks of an event loop", "threads"),
    (r" and off the event loop", ""),
    (r"async (?=def |with |for |with``)", ""),
    (r"await ", ""),
    (r"Awaitable\[([^\]]+\])\]", r"\1"),
    (r", Awaitable(?=, Callable)", ""),
    (r"AsyncGenerator", "Generator"),
    (r"AsyncExitStack", "ExitStack"),
    (r"enter_async_context", "enter_context"),
    (r"Async(?=Iterator|Iterable|ClosedOnExit)", ""),
    (r"(Iterable\[\w+\]) \| \1", r"\1"),
    (r"AsyncHttpClient", "HttpClient"),
    (r"AsyncStreamedResponse", "StreamedResponse"),
    (r"AsyncAPIClient", "APIClient"),
    (r"AsyncControl", "Control"),
    (r"httpx\.AsyncClient", "httpx.Client"),
    (r" in coroutines", ""),
    (r"asynccontextmanager", "contextmanager"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\baclosing\b", "closing"),
    (r"\baclose\b", "close"),
    (r"\bahttp\b", "http"),
    (r"_async\b", "_sync"),
    (r"\basync_http\(", "http("),
    (r"asynchronous", "synchronous"),
)


def main() -> int:
    """Convert or check; return the exit code."""
    check = "--check" in sys.argv[1:]
    used = dict.fromkeys(RULES, 0)
    wrong: list[str] = []
    for source, target in ROOMS:
        sources = [path for path in sorted(source.glob("*.py")) if path.name not in BY_HAND]
        wanted = {path.name: convert(path, target / path.name, used) for path in sources}
        for name, text in wanted.items():
            path = target / name
            if check and (not path.exists() or path.read_text() != text):
                wrong.append(str(path.relative_to(ROOT)))
            elif not check:
                path.write_text(text)
        extra = sorted({path.name for path in target.glob("*.py")} - wanted.keys() - BY_HAND)
        wrong.extend(f"{target.relative_to(ROOT)}/{name} (has no source)" for name in extra)
    unused = [pattern for (pattern, _), count in used.items() if not count]
    for problem in (*wrong, *(f"the rule {pattern!r} matches nothing" for pattern in unused)):
        print(problem, file=sys.stderr)
    return 1 if wrong or unused else 0


def convert(path: Path, target: Path, used: dict[tuple[str, str], int]) -> str:
    """Return the synchronous text of one file, formatted."""
    text = path.read_text()
    for rule in RULES:
        text, count = re.subn(*rule, text)
        used[rule] += count
    note = f"# Written by scripts/unasync.py from {path.relative_to(ROOT).as_posix()}; change that file instead.\n"
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    name = ["--stdin-filename", str(target), "-"]
    fixed = run([*ruff, "check", "--fix-only", "--quiet", "--select", "I,F401", *name], note + text)
    return run([*ruff, "format", "--quiet", *name], fixed)


def run(command: list[str], text: str) -> str:
    """Pass text through a command."""
    return subprocess.run(command, input=text, text=True, check=True, capture_output=True, cwd=ROOT).stdout


if __name__ == "__main__":
    sys.exit(main())

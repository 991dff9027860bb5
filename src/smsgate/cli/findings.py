"""Findings of `smsgate doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from smsgate.cli.failures import ExitCode


class Level(IntEnum):
    """How bad a finding is."""

    OK = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        check: what was checked.
        level: how bad it is.
        text: one sentence about what was found.
        advice: what to do; empty when nothing is to be done.
        code: the exit code of an error.
    """

    check: str
    level: Level
    text: str
    advice: str = ""
    code: ExitCode = ExitCode.FAILED

    def asdict(self) -> dict[str, str]:
        """Return the finding as a JSON document."""
        found = {"check": self.check, "level": self.level.name.lower(), "text": self.text, "advice": self.advice}
        return {name: value for name, value in found.items() if value}


def find_exit_code(findings: list[Finding]) -> ExitCode:
    """Return the code of the first error; 6 for warnings without an error, 0 for less."""
    for finding in findings:
        if finding.level is Level.ERROR:
            return finding.code
    warned = any(finding.level is Level.WARNING for finding in findings)
    return ExitCode.PARTLY_DONE if warned else ExitCode.DONE

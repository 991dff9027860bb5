"""operations.py, by openapi-python-client with our templates."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from ._tools import GenerationError, beside_python, run

if TYPE_CHECKING:
    from pathlib import Path

    from ._specification import Specification


def write_operations(specification: Specification, source: Path, templates: Path, work: Path) -> str:
    """Generate the operations in the empty directory ``work``; returns Python text that still wants ruff.

    Raises:
        GenerationError: the generator failed, warned, or left an operation out.
    """
    facts = specification.facts()
    prepared = work / "templates"
    shutil.copytree(templates, prepared)
    literal = json.dumps({name: asdict(fact) for name, fact in facts.items()})
    (prepared / "facts.jinja").write_text(f"{{% set facts = {literal} %}}\n", encoding="utf-8")
    (work / "config.yaml").write_text("post_hooks: []\n", encoding="utf-8")
    arguments = [beside_python("openapi-python-client"), "generate", "--path", str(source), "--meta", "none"]
    arguments += ["--output-path", "package", "--custom-template-path", str(prepared), "--config", "config.yaml"]
    printed = run([*arguments, "--fail-on-warning"], cwd=work)
    text = (work / "package" / "api" / "__init__.py").read_text(encoding="utf-8")
    left_out = [name for name in facts if f"\ndef {name}(" not in text]
    if left_out:
        raise GenerationError(f"no function for {', '.join(left_out)}:\n{printed}")
    return text

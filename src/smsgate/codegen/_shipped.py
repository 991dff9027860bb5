"""SMSGate's own document."""

from __future__ import annotations

from pathlib import Path


def default_document() -> Path:
    """Return the path of SMSGate's own OpenAPI document: beside this module in a wheel, in ``spec`` in a checkout."""
    here = Path(__file__).resolve()
    shipped = here.parent / "spec" / "smsgate.yaml"
    return shipped if shipped.exists() else here.parents[3] / "spec" / "smsgate.yaml"

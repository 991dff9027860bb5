"""The enums under the module name that programs written for the official client import them from."""

from enum import Enum
from typing import TYPE_CHECKING

from smsgate_api import models

if TYPE_CHECKING:
    from smsgate_api.models import *  # noqa: F403 - its ``__all__`` is the list of models and enums
else:
    _MODELS = {name: getattr(models, name) for name in models.__all__}
    _ENUMS = {name: kind for name, kind in _MODELS.items() if isinstance(kind, type) and issubclass(kind, Enum)}
    __all__ = sorted(_ENUMS)  # noqa: PLE0605 - type checkers skip this branch
    globals().update(_ENUMS)

"""The Python API of Cog models. Names load on first use: importing `cog` itself must cost next to nothing."""

from __future__ import annotations

from ._version import PUBLIC as __version__

# `typing` has this constant too, but importing it takes longer than everything else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._decorators import batched, concurrent, streaming
    from .coder import Coder
    from .exceptions import CancelationException
    from .input import FieldInfo, Input
    from .model import BaseModel
    from .predictor import BasePredictor, BaseRunner
    from .scope import ExperimentalFeatureWarning, Scope, current_scope, emit_metric
    from .types import (
        AsyncConcatenateIterator,
        ConcatenateIterator,
        File,
        Opaque,
        Path,
        Secret,
        URLFile,
        URLPath,
        Weights,
    )

_MODULE_OF = {
    "AsyncConcatenateIterator": "types",
    "BaseModel": "model",
    "BasePredictor": "predictor",
    "BaseRunner": "predictor",
    "CancelationException": "exceptions",
    "Coder": "coder",
    "ConcatenateIterator": "types",
    "ExperimentalFeatureWarning": "scope",
    "FieldInfo": "input",
    "File": "types",
    "Input": "input",
    "Opaque": "types",
    "Path": "types",
    "Scope": "scope",
    "Secret": "types",
    "URLFile": "types",
    "URLPath": "types",
    "Weights": "types",
    "batched": "_decorators",
    "concurrent": "_decorators",
    "current_scope": "scope",
    "emit_metric": "scope",
    "streaming": "_decorators",
}

__all__ = [
    "AsyncConcatenateIterator",
    "BaseModel",
    "BasePredictor",
    "BaseRunner",
    "CancelationException",
    "Coder",
    "ConcatenateIterator",
    "ExperimentalFeatureWarning",
    "FieldInfo",
    "File",
    "Input",
    "Opaque",
    "Path",
    "Scope",
    "Secret",
    "URLFile",
    "URLPath",
    "Weights",
    "__version__",
    "batched",
    "concurrent",
    "current_scope",
    "emit_metric",
    "streaming",
]


def __getattr__(name: str) -> Any:
    module_name = _MODULE_OF.get(name)
    if module_name is None:
        raise AttributeError("module 'cog' has no attribute {!r}".format(name))
    from importlib import import_module

    value = getattr(import_module("." + module_name, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

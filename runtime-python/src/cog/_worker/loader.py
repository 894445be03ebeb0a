"""Finding and importing the model."""

import importlib.util
import inspect
import os
import sys
from typing import Any, Callable, Optional

from ..predictor import BasePredictor, BaseRunner


class ModelError(Exception):
    """The reference, or what it leads to, is not a model."""


def load_model(reference: str) -> Any:
    """The object that `file.py:Name` names: an instance if it is a class, otherwise the function itself."""
    path, _, name = reference.rpartition(":")
    if not path:
        path, name = reference, ""
    module = _import_file(path)
    if name:
        names = [name]
    else:
        names = ["Runner", "Predictor"]
    for candidate in names:
        target = getattr(module, candidate, None)
        if target is not None:
            return target() if inspect.isclass(target) else target
    raise ModelError("{} defines no {}".format(path, " or ".join(names)))


def prediction_method(model: Any, mode: str) -> Callable[..., Any]:
    """The method to call for each prediction (or training, if `mode` is "train")."""
    if inspect.isfunction(model) or inspect.isbuiltin(model):
        return model
    if mode == "train":
        return _method(model, ("train",))
    own = [name for name in ("run", "predict") if _is_own(model, name)]
    if len(own) == 2:
        raise ModelError("{} defines both run() and predict(); keep one".format(type(model).__name__))
    return _method(model, tuple(own) or ("run", "predict"))


def setup_method(model: Any) -> Optional[Callable[..., Any]]:
    setup = getattr(model, "setup", None)
    if setup is None or getattr(setup, "__func__", None) in (BasePredictor.setup, BaseRunner.setup):
        return None
    return setup  # type: ignore[no-any-return]


def setup_arguments(setup: Callable[..., Any]) -> Any:
    """The `weights` argument of `setup(self, weights)`, from COG_WEIGHTS or what lies beside the model."""
    parameters = inspect.signature(setup).parameters
    if "weights" not in parameters:
        return {}
    from .._schema.hints import resolved_hints, without_annotated, without_none
    from .._schema.kinds import _SCALARS
    from ..types import File, Path
    from .files import InputFiles

    # Without an annotation, the value as it is.
    annotation = resolved_hints(setup).get("weights", str)
    annotation = without_none(without_annotated(annotation)[0])[0]
    kind = _SCALARS[File if annotation is File else str if annotation is str else Path]
    source = os.environ.get("COG_WEIGHTS")
    if source is None:
        if not os.path.exists("weights"):
            return {"weights": None}
        source = "weights"
    if kind.spec["kind"] == "string":
        return {"weights": source}
    if "://" not in source and not source.startswith("data:"):
        return {"weights": Path(source) if kind.spec["kind"] == "path" else open(source, "rb")}
    files = InputFiles()
    return {"weights": files.path(source) if kind.spec["kind"] == "path" else files.file(source)}


def _import_file(path: str) -> Any:
    if not os.path.isfile(path):
        raise ModelError("{} does not exist in {}".format(path, os.getcwd()))
    name = os.path.basename(path)
    name = name[:-3] if name.endswith(".py") else name
    spec = importlib.util.spec_from_file_location(name, os.path.abspath(path))
    if spec is None or spec.loader is None:
        raise ModelError("{} is not a Python file".format(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _is_own(model: Any, name: str) -> bool:
    method = getattr(model, name, None)
    return callable(method) and getattr(method, "__func__", None) not in (BasePredictor.predict, BaseRunner.run)


def _method(model: Any, names: Any) -> Callable[..., Any]:
    for name in names:
        if _is_own(model, name):
            return getattr(model, name)  # type: ignore[no-any-return]
    if callable(model) and not isinstance(model, (BasePredictor, BaseRunner)):
        return model  # type: ignore[no-any-return]
    described = getattr(model, "__name__", type(model).__name__)
    raise ModelError("{} must define {}".format(described, " or ".join(name + "()" for name in names)))

"""Coders: how a type that cog does not know is read from JSON and written to it."""

from abc import ABC, abstractmethod
from typing import Any, Dict, List, Optional, Type

_registered: List[Type["Coder"]] = []


class Coder(ABC):
    """Subclass it, implement the three methods, and call `Coder.register(MyCoder)` in the model's module."""

    @staticmethod
    def register(coder: Type["Coder"]) -> None:
        """Makes a coder known. The one registered last is asked first."""
        _registered.insert(0, coder)

    @staticmethod
    def lookup(tpe: Any) -> Optional["Coder"]:
        """The first registered coder that accepts this annotation."""
        for candidate in _registered:
            coder = candidate.factory(tpe)
            if coder is not None:
                return coder
        return None

    @staticmethod
    @abstractmethod
    def factory(tpe: Any) -> Optional["Coder"]:
        """A coder for this annotation, or None if this coder does not apply."""

    @abstractmethod
    def encode(self, value: Any) -> Dict[str, Any]:
        """Turns a value into a JSON object."""

    @abstractmethod
    def decode(self, value: Dict[str, Any]) -> Any:
        """Turns a JSON object into a value."""

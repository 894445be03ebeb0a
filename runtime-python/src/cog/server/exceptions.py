"""Kept where models import it from."""

from ..exceptions import CancelationException

__all__ = ["CancelationException"]

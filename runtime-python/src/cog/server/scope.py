"""Kept where models import it from."""

from ..scope import Scope, current_scope, emit_metric

__all__ = ["Scope", "current_scope", "emit_metric"]

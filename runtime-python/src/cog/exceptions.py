"""Exceptions that reach model code."""


class CancelationException(BaseException):
    """Raised in the prediction's own thread when it is canceled.

    Not an `Exception`, so that `except Exception` in model code does not swallow a cancelation.
    """

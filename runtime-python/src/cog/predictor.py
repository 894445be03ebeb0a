"""Base classes of models. Subclassing them is customary, not required: any class or function with the right shape serves."""

from typing import Any


class BasePredictor:
    """A model: optional `setup()` run once, and `predict()` run for each prediction."""

    def setup(self, *args: Any, **kwargs: Any) -> Any:
        """Prepares the model: loads weights, warms up. May take one parameter named `weights`; may be `async`."""

    def predict(self, **kwargs: Any) -> Any:
        """Runs one prediction. Parameters and the return value are annotated; the annotations become the HTTP schema."""
        raise NotImplementedError("predict has not been implemented by this model")


class BaseRunner:
    """A model whose method is called `run`."""

    def setup(self, *args: Any, **kwargs: Any) -> Any:
        """As for `BasePredictor.setup`."""

    def run(self, **kwargs: Any) -> Any:
        """Runs one prediction, as `BasePredictor.predict`."""
        raise NotImplementedError("run has not been implemented by this model")

from typing import Iterator
from cog import BasePredictor, Path


class Predictor(BasePredictor):
    def predict(self) -> Iterator[Path]:
        pass

from typing import Literal
from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, text: Literal["foo", "bar"], number: Literal[1, 2] = 1) -> str:
        return text

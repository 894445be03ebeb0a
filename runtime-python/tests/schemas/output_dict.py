from typing import Dict
from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self) -> Dict[str, float]:
        pass

from typing import List
from cog import BaseModel, BasePredictor


class Box(BaseModel):
    x: int
    label: str


class Predictor(BasePredictor):
    def predict(self) -> List[Box]:
        pass

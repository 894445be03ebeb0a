from typing import List
from cog import BaseModel, BasePredictor, Path


class MyOutput(BaseModel):
    foo_number: int = 42
    foo_string: str
    file: Path
    tags: List[str] = []
    score: float


class Predictor(BasePredictor):
    def predict(self) -> MyOutput:
        pass

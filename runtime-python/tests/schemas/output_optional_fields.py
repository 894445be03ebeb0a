from typing import Optional
from cog import BaseModel, BasePredictor, Path


class Result(BaseModel):
    text: Optional[str] = None
    file: Optional[Path] = None


class Predictor(BasePredictor):
    def predict(self) -> Result:
        pass

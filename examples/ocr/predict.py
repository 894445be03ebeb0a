from typing import List

from cog import BaseModel, BasePredictor, Input, Path
from rapidocr_onnxruntime import RapidOCR


class Line(BaseModel):
    text: str
    confidence: float
    box: List[List[float]]


class Output(BaseModel):
    lines: List[Line]


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.engine = RapidOCR()

    def predict(
        self,
        image: Path = Input(description="Picture to read"),
        min_confidence: float = Input(description="Leave out lines below this", default=0.5, ge=0, le=1),
    ) -> Output:
        found, _ = self.engine(str(image))
        lines = [
            Line(text=text, confidence=float(score), box=[[float(x), float(y)] for x, y in box])
            for box, text, score in found or []
            if float(score) >= min_confidence
        ]
        return Output(lines=lines)

from typing import List, Optional
from pydantic import BaseModel, Field
from cog import BasePredictor


class Inner(BaseModel):
    score: float = Field(default=0.5, description="How sure")


class Out(BaseModel):
    name: str
    inner: Inner
    inners: List[Inner] = []
    note: Optional[str] = None


class Predictor(BasePredictor):
    def predict(self) -> Out:
        pass

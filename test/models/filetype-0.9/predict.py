from typing import List, Optional

import pydantic
from cog import BaseModel, BasePredictor, Input, Path
from magika import Magika


class Rule(pydantic.BaseModel):
    minimum: float = 0.0

    @pydantic.validator("minimum")
    def must_be_a_share(cls, value: float) -> float:
        if not 0 <= value <= 1:
            raise ValueError("not a share")
        return value


class Guess(BaseModel):
    label: str
    group: Optional[str]
    score: float


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.magika = Magika()

    def predict(
        self,
        file: Path = Input(description="File to name"),
        minimum: float = Input(default=0.0, description="Leave less certain guesses out"),
    ) -> List[Guess]:
        rule = Rule(minimum=minimum)
        result = self.magika.identify_path(str(file))
        if result.score < rule.minimum:
            return []
        return [
            Guess(
                label=result.output.label,
                group=result.output.group,
                score=round(result.score, 3),
            )
        ]

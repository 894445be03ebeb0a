import random

import markovify
from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def setup(self, weights: Path = None) -> None:
        self.chain = None if weights is None else markovify.NewlineText.from_json(Path(weights).read_text())

    def predict(self, start: str = Input(description="First word"), seed: int = Input(default=0)) -> str:
        if self.chain is None:
            raise ValueError("train it first")
        random.seed(seed)
        return self.chain.make_sentence_with_start(start, strict=False, test_output=False)

from cog import BaseModel, BasePredictor, Input, Path


class TrainingOutput(BaseModel):
    weights: Path


def train(n: int = Input(description="Dimension of weights to generate")) -> TrainingOutput:
    pass


class Predictor(BasePredictor):
    def predict(self, s: str) -> str:
        return s

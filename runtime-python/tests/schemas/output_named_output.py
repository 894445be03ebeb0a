from cog import BaseModel, BasePredictor


class Output(BaseModel):
    foo_number: int = 42
    foo_string: str = "meaning of life"


class Predictor(BasePredictor):
    def predict(self) -> Output:
        pass

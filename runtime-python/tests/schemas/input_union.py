from typing import List, Union
from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def predict(self, value: Union[str, List[str]] = Input(description="one or more")) -> str:
        return ""

from typing import Literal, Optional, Union

from cog import BasePredictor, Input, Path
from rapidocr_onnxruntime import RapidOCR


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.engine = RapidOCR()

    def predict(
        self,
        image: Path = Input(description="Picture to read"),
        case: Literal["as is", "upper", "lower"] = "as is",
        join: Optional[str] = Input(default=None, description="Put between lines; without it, a file is written"),
        limit: Union[int, str] = Input(default="all", description="How many lines"),
    ) -> Path:
        found, _ = self.engine(str(image))
        lines = [text for _, text, _ in found or []]
        if limit != "all":
            lines = lines[: int(limit)]
        change = {"as is": str, "upper": str.upper, "lower": str.lower}[case]
        target = Path("/tmp/text.txt")
        target.write_text((join if join is not None else "\n").join(map(change, lines)))
        return target

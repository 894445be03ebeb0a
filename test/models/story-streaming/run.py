import random
import time
from pathlib import Path as File

import markovify
from cog import BaseRunner, ConcatenateIterator, Input, streaming


class Runner(BaseRunner):
    def setup(self) -> None:
        text = (File(__file__).parent / "story.txt").read_text()
        self.chain = markovify.NewlineText(text, state_size=1).chain

    @streaming
    def run(
        self,
        words: int = Input(default=8, ge=1, le=200),
        seed: int = Input(default=1),
        pause: float = Input(default=0, ge=0, le=1),
    ) -> ConcatenateIterator[str]:
        random.seed(seed)
        count = 0
        while count < words:
            for word in self.chain.gen():
                if count == words:
                    return
                yield word if count == 0 else " " + word
                count += 1
                time.sleep(pause)

from typing import Any

from cog import BasePredictor, Input
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer


class Predictor(BasePredictor):
    def setup(self):
        """Load the lexicon into memory"""
        self.analyzer = SentimentIntensityAnalyzer()

    def predict(
        self,
        text: str = Input(description="Text to judge"),
        mode: str = Input(description="What to return", choices=["label", "scores"], default="label"),
        threshold: float = Input(description="From where on a text has a mood", ge=0, le=1, default=0.05),
    ) -> Any:
        scores = self.analyzer.polarity_scores(text)
        if mode == "scores":
            return scores
        compound = scores["compound"]
        return "positive" if compound >= threshold else "negative" if compound <= -threshold else "neutral"

import markovify
from cog import BaseModel, Input, Path


class TrainingOutput(BaseModel):
    weights: Path


def train(
    text: Path = Input(description="A text, one sentence a line"),
    state_size: int = Input(description="How many words to look back", default=1, ge=1, le=3),
) -> TrainingOutput:
    chain = markovify.NewlineText(text.read_text(), state_size=state_size)
    weights = Path("/tmp/weights.json")
    weights.write_text(chain.to_json())
    print("learned", len(chain.chain.model), "states")
    return TrainingOutput(weights=weights)

from cog import BasePredictor, File, Input, Path


class Predictor(BasePredictor):
    def predict(
        self,
        no_default: str,
        description: str = Input(description="What it is"),
        with_default: int = Input(default=-10, ge=-20, le=3),
        plain_default: str = "default",
        number: float = Input(default=1.5, description="A number", ge=0, le=2.5),
        flag: bool = Input(default=True),
        path: Path = Input(description="Some path"),
        file: File = Input(description="Some file"),
        choices: str = Input(choices=["foo", "bar"]),
        int_choices: int = Input(description="hello", choices=[3, 4, 5]),
        default_choice: str = Input(default="b", choices=["a", "b"], description="Pick"),
        text: str = Input(default="abc", min_length=1, max_length=20, regex="^[a-z]*$"),
    ) -> str:
        return no_default

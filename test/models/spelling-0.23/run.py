from importlib.resources import files

from cog import BaseModel, BaseRunner, Input
from symspellpy import SymSpell


class Suggestion(BaseModel):
    text: str
    distance: int


class Runner(BaseRunner):
    def setup(self) -> None:
        self.speller = SymSpell(max_dictionary_edit_distance=2)
        dictionary = files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt")
        if not self.speller.load_dictionary(str(dictionary), term_index=0, count_index=1):
            raise RuntimeError("no dictionary")

    def run(
        self,
        text: str = Input(description="Words to correct", min_length=1),
        options: dict[str, int] | None = Input(default=None, description="distance: how far to look"),
    ) -> list[Suggestion]:
        distance = (options or {}).get("distance", 2)
        found = self.speller.lookup_compound(text, max_edit_distance=distance)
        return [Suggestion(text=item.term, distance=item.distance) for item in found]

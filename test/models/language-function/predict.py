"""A plain function: no class, no setup."""

from cog import Input
from py3langid.langid import MODEL_FILE, LanguageIdentifier

identifier = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)


def predict(
    text: str = Input(description="What to look at"),
    only: str = Input(description="Languages to choose from, separated by commas", default=""),
) -> str:
    identifier.set_languages(only.split(",") if only else None)
    language, probability = identifier.classify(text)
    print("sure to", round(float(probability), 3))
    return language

"""What is wrong with the settings, said so that it can be put right."""

from django.core.exceptions import ImproperlyConfigured


class BadSetting(ImproperlyConfigured):
    """An environment variable that cannot be used.

    `seen` is shown to people and kept in logs: whoever raises this leaves secrets out of it.
    """

    def __init__(self, variable: str, *, seen: str, expected: str, example: str) -> None:
        super().__init__(
            f"{variable} cannot be used: {seen}.\nExpected: {expected}.\nExample: {example}"
        )
        self.variable = variable
        self.seen = seen
        self.expected = expected
        self.example = example

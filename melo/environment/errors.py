"""The error of a variable that cannot be used."""

from django.core.exceptions import ImproperlyConfigured


class BadSetting(ImproperlyConfigured):
    """An environment variable cannot be used.

    `seen` is printed and logged, so it must not have secrets in it.
    """

    def __init__(self, variable: str, *, seen: str, expected: str, example: str) -> None:
        super().__init__(
            f"{variable} cannot be used: {seen}.\nExpected: {expected}.\nExample: {example}"
        )
        self.variable = variable
        self.seen = seen
        self.expected = expected
        self.example = example

"""The times of messages: more in the evening than at night, and more and more each month."""

from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from chat.demo.plan import DAYS

_BY_HOUR = (6, 4, 2, 1, 1, 1, 2, 4, 6, 8, 9, 10, 11, 10, 9, 9, 10, 12, 15, 18, 20, 19, 15, 10)
_BY_WEEKDAY = (10, 10, 10, 10, 12, 14, 13)


class Rhythm:
    """The hours of a history, weighted by how much is written in each."""

    def __init__(self, since: datetime) -> None:
        self._hours = [since + timedelta(hours=hour) for hour in range(DAYS * 24)]
        self._weights = list(
            accumulate(
                _BY_HOUR[hour.hour] * _BY_WEEKDAY[hour.weekday()] * (1 + 2 * place / (DAYS * 24))
                for place, hour in enumerate(self._hours)
            )
        )

    def moments(self, count: int, chance: Random) -> list[datetime]:
        """Return so many random times, the earliest first, to the millisecond."""
        places = chance.choices(range(len(self._hours)), cum_weights=self._weights, k=count)
        offsets = sorted(place * 3_600_000 + int(chance.random() * 3_600_000) for place in places)
        first = self._hours[0]
        return [first + timedelta(milliseconds=offset) for offset in offsets]

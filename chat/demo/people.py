"""The users, named after animals of the sea and the shore."""

from datetime import timedelta
from uuid import UUID

from chat.demo.language import NAMES, choose_language
from chat.demo.plan import DAYS, Plan, id_at
from chat.services.imports import UserRow


class People:
    """All users of a community, the most active first."""

    def __init__(self, plan: Plan) -> None:
        chance = plan.chance("people")
        self.rows: list[UserRow] = []
        self.languages: dict[UUID, str] = {}
        for number in range(plan.users):
            since = plan.since - timedelta(seconds=chance.randrange(DAYS * 86400))
            adjective, animal = chance.choice(NAMES["adjectives"]), chance.choice(NAMES["animals"])
            is_bot = number % 50 == 7
            row = UserRow(
                id=id_at(since, chance),
                username=f"{adjective}_{animal}_{plan.key}{number}",
                display_name=f"{animal.title()}bot" if is_bot else f"{adjective} {animal}".title(),
                kind="bot" if is_bot else "human",
                created_at=since,
                bio="" if chance.random() < 0.7 else f"Part {animal}, mostly {adjective}.",
            )
            self.rows.append(row)
            self.languages[row.id] = choose_language(chance)

    @property
    def ids(self) -> list[UUID]:
        """The ids of all users, the most active first."""
        return [row.id for row in self.rows]

"""Every table of chat has a factory, and what it makes is valid and of one tenant."""

import pytest
from django.apps import apps
from django.db.models import Model
from factory.django import DjangoModelFactory

from chat import models
from tests import factories

pytestmark = pytest.mark.django_db

MODELS = [model for model in apps.get_app_config("chat").get_models() if model._meta.managed]
FACTORIES: dict[type[Model], type[DjangoModelFactory[Model]]] = {
    factory._meta.model: factory
    for factory in vars(factories).values()
    if isinstance(factory, type)
    and issubclass(factory, DjangoModelFactory)
    and not factory._meta.abstract
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_factory_makes_a_valid_row(model: type[Model]) -> None:
    row = FACTORIES[model].create()

    stored = model._default_manager.get(pk=row.pk)
    stored.full_clean()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_factory_makes_a_second_row(model: type[Model]) -> None:
    FACTORIES[model].create()
    before = model._default_manager.count()

    FACTORIES[model].create()

    assert model._default_manager.count() > before


@pytest.mark.parametrize(
    "factory",
    [
        factories.MessageRevisionFactory,
        factories.ReactionFactory,
        factories.MessageAttachmentFactory,
    ],
)
def test_part_can_hang_on_a_direct_message(
    factory: type[factories.MessagePartFactory],
) -> None:
    part = factory.create(direct=True)

    part.full_clean()
    assert part.space_id == part.message.space_id == part.message.channel_id


@pytest.mark.parametrize("kind", ["category", "voice", "thread"])
def test_channel_has_a_trait_for_each_kind(kind: str) -> None:
    channel = factories.ChannelFactory.create(**{kind: True})

    channel.full_clean()
    assert channel.kind == kind


def test_owner_of_a_server_is_its_only_member() -> None:
    server = factories.ServerFactory.create()

    assert [member.user for member in server.members.all()] == [server.owner]


def test_both_of_a_pair_take_part() -> None:
    pair = factories.DirectConversationFactory.create()

    participants = {participant.user for participant in pair.participants.all()}
    assert participants == {pair.pair_low, pair.pair_high}


def test_pair_may_be_given_in_either_order() -> None:
    low, high = factories.UserFactory.create(), factories.UserFactory.create()

    pair = factories.DirectConversationFactory.create(pair_low=high, pair_high=low)

    assert (pair.pair_low, pair.pair_high) == (low, high)


def test_group_belongs_to_its_owner() -> None:
    group = factories.DirectConversationFactory.create(group=True)

    assert group.kind == models.DirectConversation.Kind.GROUP
    assert [participant.user for participant in group.participants.all()] == [group.owner]

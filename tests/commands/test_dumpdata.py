"""dumpdata writes what loaddata can bring back, and says what it leaves to pg_dump."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tests.factories import MessageFactory

pytestmark = pytest.mark.django_db


def test_whole_dump_leaves_chat_out_and_can_be_loaded(tmp_path: Path) -> None:
    MessageFactory.create()
    group = Group.objects.create(name="Support")
    file = tmp_path / "rest.json"

    call_command("dumpdata", output=str(file))
    group.delete()
    call_command("loaddata", str(file), stdout=StringIO())

    models = {row["model"] for row in json.loads(file.read_text(encoding="utf-8"))}
    assert "auth.group" in models
    assert not {model for model in models if model.startswith("chat.")}
    assert Group.objects.get().name == "Support"


@pytest.mark.parametrize("label", ["chat", "chat.Message", "chat.user"])
def test_chat_is_refused_by_name(label: str, tmp_path: Path) -> None:
    file = tmp_path / "chat.json"

    with pytest.raises(CommandError, match=rf"^{label} cannot be written .* Use pg_dump\.$"):
        call_command("dumpdata", label, output=str(file))

    assert not file.exists()

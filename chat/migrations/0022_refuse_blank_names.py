"""Names that nobody can see, or that are more than one line."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations
from django.db.models import CheckConstraint, Q

from chat.schema.files import RunSQLFile

LEGIBLE = (
    r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"
    r"[^\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
)


def _refusal(
    model: str, column: str, *, name: str, or_empty: bool = False
) -> AddConstraintNotValid:
    legible = Q((f"{column}__regex", LEGIBLE))
    return AddConstraintNotValid(
        model_name=model,
        constraint=CheckConstraint(
            name=name,
            condition=Q((column, "")) | legible if or_empty else legible,
            violation_error_message="A name is one line with at least one visible character.",
        ),
    )


class Migration(migrations.Migration):
    """Refuse names with nothing to see, with a line break or with another control character.

    First all names are read, a second or two per million, with no lock that anybody waits for. If
    one breaks the rule, this is refused and says which: what a place is called is not for a
    migration to decide, unless chat.repair_names says so. The constraints then take ACCESS
    EXCLUSIVE on the seven tables for a moment and look at no row; the next migration does. Code
    that does not know of it goes on, and is refused such names. Undone by dropping the constraints;
    repaired names stay repaired.
    """

    dependencies = [("chat", "0021_hold_limits")]

    operations = [
        RunSQLFile(__file__),
        _refusal("server", "name", name="servers_name_legible_ck"),
        _refusal("servermember", "nickname", name="server_members_nickname_legible_ck"),
        _refusal("channel", "name", name="channels_name_legible_ck"),
        _refusal("role", "name", name="roles_name_legible_ck"),
        _refusal(
            "directconversation", "name", name="direct_conversations_name_legible_ck", or_empty=True
        ),
        _refusal("messageattachment", "filename", name="message_attachments_filename_legible_ck"),
        _refusal("user", "display_name", name="users_display_name_legible_ck", or_empty=True),
    ]

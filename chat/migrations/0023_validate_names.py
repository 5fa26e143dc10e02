"""Names that were there before they were refused."""

from django.db import migrations

from chat.constraints import ValidateConstraint


class Migration(migrations.Migration):
    """Look at the names that were there before blank ones were refused, and vouch for them.

    Takes SHARE UPDATE EXCLUSIVE: everybody reads and writes meanwhile, and only autovacuum and
    other migrations wait, a second or two per million rows. Safe with code that does not know of
    it. A name that slipped in while 0022 read the others makes it fail; taken back and run again,
    0022 says which. Undone by adding the constraints anew, NOT VALID, under ACCESS EXCLUSIVE for a
    moment.
    """

    dependencies = [("chat", "0022_refuse_blank_names")]

    operations = [
        ValidateConstraint(model_name="server", name="servers_name_legible_ck"),
        ValidateConstraint(model_name="servermember", name="server_members_nickname_legible_ck"),
        ValidateConstraint(model_name="channel", name="channels_name_legible_ck"),
        ValidateConstraint(model_name="role", name="roles_name_legible_ck"),
        ValidateConstraint(
            model_name="directconversation", name="direct_conversations_name_legible_ck"
        ),
        ValidateConstraint(
            model_name="messageattachment", name="message_attachments_filename_legible_ck"
        ),
        ValidateConstraint(model_name="user", name="users_display_name_legible_ck"),
    ]

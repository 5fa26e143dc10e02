"""What each user may do in each channel and conversation: the view `channel_access`."""

from django.conf import settings
from django.db import models

from chat.db.fields import Reference


class ChannelAccess(models.Model):
    """The effective permissions of one user in one channel or conversation that they can see.

    Read only. What a user cannot see has no row. Always filter by a user, and by a space or a
    channel where one is known. No hot path uses it: for one channel there is the function
    channel_permissions(), for all channels of a user chat/queries/sql/places.sql.
    """

    pk = models.CompositePrimaryKey("user", "channel")
    user = Reference(settings.AUTH_USER_MODEL, related_name="+")
    space_id = models.UUIDField()
    channel = Reference("chat.Channel", related_name="+")
    # chat.rules.permissions.Permission says what each bit allows.
    permissions = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    last_message_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "channel_access"
        managed = False
        verbose_name_plural = "channel access"

    def __str__(self) -> str:
        return f"user {self.user_id} in channel {self.channel_id}"

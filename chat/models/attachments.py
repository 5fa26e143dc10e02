"""Attachments of messages, and files to remove from the store."""

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint

from chat.db.checks import legible_constraint, length_constraint, moments_constraint
from chat.db.constraints import foreign_key, tenant_key
from chat.db.fields import Reference
from chat.models.base import ChangingRow, Row
from chat.models.messages import MessagePart
from chat.rules.limits import (
    ALT_TEXT_LENGTH,
    ATTACHMENT_BYTES,
    ATTACHMENT_LIMIT,
    CONTENT_TYPE_LENGTH,
    FILENAME_LENGTH,
    SHA256_BYTES,
    STORAGE_KEY_LENGTH,
)


class MessageAttachment(MessagePart, ChangingRow):
    """A file in the object store: reserved while it is uploaded, then sent with a message."""

    message = Reference("chat.Message", related_name="messageattachments", null=True, blank=True)
    uploader = Reference(settings.AUTH_USER_MODEL, related_name="+")
    # There is no eleventh position, so nothing has to be counted.
    position = models.SmallIntegerField(
        default=0, db_default=0, db_comment="One of ten places in the message, 0 to 9."
    )
    filename = models.CharField(max_length=FILENAME_LENGTH)
    content_type = models.CharField(max_length=CONTENT_TYPE_LENGTH)
    size_bytes = models.IntegerField()
    sha256 = models.BinaryField(max_length=SHA256_BYTES)
    storage_key = models.CharField(
        max_length=STORAGE_KEY_LENGTH,
        db_comment="Where the file is, never a URL: those are signed when they are asked for.",
    )
    width = models.IntegerField(null=True, blank=True)
    height = models.IntegerField(null=True, blank=True)
    duration_ms = models.IntegerField(null=True, blank=True)
    alt_text = models.CharField(max_length=ALT_TEXT_LENGTH, blank=True, default="", db_default="")

    class Meta:
        db_table = "message_attachments"
        db_table_comment = "Files of messages; a row without a message is still uploading."
        indexes = [
            # The uploads that were never sent, oldest first, for the sweeper.
            Index(
                F("created_at"),
                name="message_attachments_unsent_ix",
                condition=Q(message__isnull=True),
            ),
            # All files of a user, for erasure.
            Index(fields=["uploader"], name="message_attachments_user_ix"),
        ]
        constraints = [
            UniqueConstraint(
                name="message_attachments_storage_key_uq", fields=["space_id", "storage_key"]
            ),
            UniqueConstraint(
                name="message_attachments_message_uq",
                fields=["space_id", "message", "position"],
            ),
            CheckConstraint(
                name="message_attachments_position_ck",
                condition=Q(position__gte=0, position__lte=ATTACHMENT_LIMIT - 1),
                violation_error_message="A message has at most ten attachments.",
            ),
            length_constraint("message_attachments", "filename", least=1),
            legible_constraint("message_attachments", "filename"),
            CheckConstraint(
                name="message_attachments_size_bytes_ck",
                condition=Q(size_bytes__gte=1, size_bytes__lte=ATTACHMENT_BYTES),
                violation_error_message="An attachment has between 1 byte and 25 MiB.",
            ),
            length_constraint("message_attachments", "sha256", exactly=SHA256_BYTES),
            CheckConstraint(
                name="message_attachments_media_ck",
                condition=(Q(width__isnull=True) | Q(width__gte=1))
                & (Q(height__isnull=True) | Q(height__gte=1))
                & (Q(duration_ms__isnull=True) | Q(duration_ms__gte=0)),
            ),
            moments_constraint("message_attachments", "created_at", "updated_at"),
            # A trigger writes down the key of each file that goes along.
            tenant_key("message_attachments", "message", to="chat.Message.id"),
            foreign_key("message_attachments", "uploader", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return self.filename


class DiscardedFile(Row):
    """A file in the store that no row names any more, to be removed.

    The file of an attachment, an avatar or an icon. Triggers insert the row in the transaction in
    which the other row was deleted or got another file, so that no file is forgotten; whoever
    removes the file deletes it. Each upload needs a key of its own: a file of two rows is discarded
    with the first of them.
    """

    # A file can outlive its owner, so there is no foreign key.
    space_id = models.UUIDField(
        db_comment="Whose it was: the server, the conversation, or of an avatar the user."
    )
    storage_key = models.CharField(max_length=STORAGE_KEY_LENGTH)

    class Meta:
        db_table = "discarded_files"
        db_table_comment = "Files that no row names any more, to be removed from the file store."
        constraints = [
            # The key first: by it alone a removal is confirmed.
            UniqueConstraint(
                name="discarded_files_storage_key_uq", fields=["storage_key", "space_id"]
            ),
            length_constraint("discarded_files", "storage_key", least=1),
            moments_constraint("discarded_files", "created_at"),
        ]

    def __str__(self) -> str:
        return self.storage_key

"""Every table of the chat application."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import migrations, models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Concat, Left, Length, Lower, Now, Replace, Substr
from django.db.models.lookups import Exact, GreaterThanOrEqual

from chat.constraints import CompositeForeignKey, OnDelete
from chat.ids import UUIDv7, uuid7
from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create every table with the keys and the rules that can be declared.

    Locks nothing that anybody uses: all tables are new. Takes well under a second. Undone by
    dropping the tables, with all that is in them.
    """

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        RunSQLFile(__file__),
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        max_length=32,
                        unique=True,
                        validators=[
                            RegexValidator(
                                "^[a-z0-9_.]{2,32}$",
                                "Two to 32 lower-case letters, digits, underscores or dots.",
                            )
                        ],
                    ),
                ),
                (
                    "display_name",
                    models.CharField(blank=True, db_default="", default="", max_length=32),
                ),
                (
                    "email",
                    models.EmailField(
                        blank=True, default=None, max_length=254, null=True, unique=True
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("human", "Human"), ("bot", "Bot"), ("system", "System")],
                        db_default="human",
                        default="human",
                        max_length=8,
                    ),
                ),
                ("bio", models.CharField(blank=True, db_default="", default="", max_length=190)),
                ("avatar_key", models.CharField(blank=True, max_length=255, null=True)),
                ("password", models.CharField(db_default="!", max_length=128)),
                ("is_active", models.BooleanField(db_default=True, default=True)),
                (
                    "is_staff",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="may use the admin"
                    ),
                ),
                (
                    "is_superuser",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="may do everything"
                    ),
                ),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=Now())),
                ("erased_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "db_table": "users",
                "db_table_comment": "People, bots and the system. Erased in place, never deleted.",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("username__regex", "^[a-z0-9_.]{2,32}$")),
                        name="users_username_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("email", Lower("email")), ("email__regex", "^[^@\\s]+@[^@\\s]+$")
                        ),
                        name="users_email_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["human", "bot", "system"])),
                        name="users_kind_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("last_login__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("last_login__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("erased_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("erased_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="users_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("erased_at__isnull", True),
                            models.Q(
                                ("avatar_key__isnull", True),
                                ("bio", ""),
                                ("display_name", ""),
                                ("email__isnull", True),
                                ("is_active", False),
                                ("is_staff", False),
                                ("is_superuser", False),
                                ("last_login__isnull", True),
                                ("password__startswith", "!"),
                                (
                                    "username",
                                    Concat(
                                        models.Value("erased_"),
                                        Left(
                                            Replace(
                                                Cast("id", models.TextField()),
                                                models.Value("-"),
                                                models.Value(""),
                                            ),
                                            25,
                                        ),
                                    ),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="users_erased_ck",
                        violation_error_message="An erased user keeps no personal data.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("erased_at__isnull", False),
                            models.Q(("username__startswith", "erased_"), _negated=True),
                            _connector="OR",
                        ),
                        name="users_erased_name_ck",
                        violation_error_message="Names beginning with 'erased_' are kept for erased users.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UserSession",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("token_hash", models.BinaryField(max_length=32, unique=True)),
                ("ip", models.GenericIPAddressField(blank=True, null=True)),
                (
                    "user_agent",
                    models.CharField(blank=True, db_default="", default="", max_length=512),
                ),
                ("last_seen_at", models.DateTimeField(db_default=Now())),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "user_sessions",
                "db_table_comment": "Log-ins. token_hash is the SHA-256 of the token, never the token.",
                "indexes": [
                    models.Index(
                        models.F("user"),
                        models.OrderBy(models.F("expires_at"), descending=True),
                        name="user_sessions_user_ix",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Exact(Length("token_hash"), 32),
                        name="user_sessions_token_hash_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="user_sessions_expires_at_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("last_seen_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("last_seen_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("expires_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("expires_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("revoked_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("revoked_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="user_sessions_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("user",),
                        name="user_sessions_user_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UserPreferences",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=models.DO_NOTHING,
                        primary_key=True,
                        related_name="preferences",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "theme",
                    models.CharField(
                        choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")],
                        db_default="system",
                        default="system",
                        max_length=8,
                    ),
                ),
                ("locale", models.CharField(db_default="en", default="en", max_length=35)),
                ("data", models.JSONField(blank=True, db_default={}, default=dict)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "verbose_name_plural": "user preferences",
                "db_table": "user_preferences",
                "db_table_comment": "A user's settings; data is an object that only clients read.",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("theme__in", ["system", "light", "dark"])),
                        name="user_preferences_theme_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("locale__regex", "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
                        ),
                        name="user_preferences_locale_ck",
                    ),
                    models.CheckConstraint(
                        condition=Exact(
                            models.Func(
                                "data", function="jsonb_typeof", output_field=models.TextField()
                            ),
                            "object",
                        ),
                        name="user_preferences_data_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="user_preferences_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("user",),
                        name="user_preferences_user_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Server",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "description",
                    models.CharField(blank=True, db_default="", default="", max_length=300),
                ),
                ("icon_key", models.CharField(blank=True, max_length=255, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="owned_servers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "servers",
                "db_table_comment": "Communities. The owner is a member, checked at COMMIT.",
                "indexes": [models.Index(fields=["owner"], name="servers_owner_ix")],
                "constraints": [
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("name"), 2), name="servers_name_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("deleted_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("deleted_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="servers_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ServerMember",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="members",
                        to="chat.server",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("nickname", models.CharField(blank=True, max_length=32, null=True)),
                ("joined_at", models.DateTimeField(db_default=Now())),
                ("timed_out_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "server_members",
                "db_table_comment": "Who is in which server. Somebody banned cannot be (trigger).",
                "indexes": [
                    models.Index(fields=["user", "server"], name="server_members_user_ix"),
                    models.Index(
                        fields=["server", "joined_at", "user"], name="server_members_joined_ix"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("server", "user"), name="server_members_uq"),
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("nickname"), 1),
                        name="server_members_nickname_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("joined_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("joined_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("timed_out_until__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("timed_out_until__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="server_members_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server",),
                        name="server_members_server_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Server",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("user",),
                        name="server_members_user_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=CompositeForeignKey(
                deferrable=models.Deferrable.DEFERRED,
                fields=("id", "owner"),
                name="servers_owner_fk",
                to="chat.ServerMember",
                to_fields=("server", "user"),
                violation_error_message="The owner must be a member of the server.",
            ),
        ),
        migrations.CreateModel(
            name="Role",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="roles",
                        to="chat.server",
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("position", models.SmallIntegerField()),
                ("permissions", models.BigIntegerField(db_default=0, default=0)),
                ("color", models.IntegerField(db_default=0, default=0)),
                ("hoist", models.BooleanField(db_default=False, default=False)),
                ("mentionable", models.BooleanField(db_default=False, default=False)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "roles",
                "db_table_comment": "Named sets of permissions; position 0 is everyone's, higher outranks.",
                "constraints": [
                    models.UniqueConstraint(fields=("server", "id"), name="roles_uq"),
                    models.UniqueConstraint(
                        deferrable=models.Deferrable.DEFERRED,
                        fields=("server", "position"),
                        name="roles_position_uq",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("position__gte", 0), ("position__lte", 249)),
                        name="roles_position_ck",
                    ),
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("name"), 1), name="roles_name_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("permissions__gte", 0), ("permissions__lte", 9007199254740991)
                        ),
                        name="roles_permissions_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("color__gte", 0), ("color__lte", 16777215)),
                        name="roles_color_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="roles_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server",),
                        name="roles_server_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Server",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MemberRole",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.server",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="member_roles",
                        to="chat.role",
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "member_roles",
                "db_table_comment": "Roles given to members; a role of another server cannot be.",
                "indexes": [models.Index(fields=["server", "role"], name="member_roles_role_ix")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "user", "role"), name="member_roles_uq"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="member_roles_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server", "user"),
                        name="member_roles_member_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.ServerMember",
                        to_fields=("server", "user"),
                    ),
                    CompositeForeignKey(
                        fields=("server", "role"),
                        name="member_roles_role_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Role",
                        to_fields=("server", "id"),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="channels",
                        to="chat.server",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="children",
                        to="chat.channel",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("voice", "Voice"),
                            ("category", "Category"),
                            ("announcement", "Announcement"),
                            ("thread", "Thread"),
                        ],
                        db_default="text",
                        default="text",
                        max_length=16,
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("topic", models.CharField(blank=True, db_default="", default="", max_length=1024)),
                ("position", models.IntegerField(db_default=0, default=0)),
                ("slowmode_seconds", models.IntegerField(db_default=0, default=0)),
                ("nsfw", models.BooleanField(db_default=False, default=False)),
                ("last_seq", models.BigIntegerField(db_default=0, editable=False)),
                ("last_message_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "level",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(kind="category", then=models.Value(0)),
                            models.When(kind="thread", then=models.Value(2)),
                            default=models.Value(1),
                        ),
                        output_field=models.SmallIntegerField(),
                    ),
                ),
                (
                    "parent_level",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                parent__isnull=True,
                                then=models.Value(None, output_field=models.SmallIntegerField()),
                            ),
                            models.When(kind="thread", then=models.Value(1)),
                            default=models.Value(0),
                        ),
                        output_field=models.SmallIntegerField(null=True),
                    ),
                ),
            ],
            options={
                "db_table": "channels",
                "db_table_comment": "Channels, categories and threads. last_seq numbers the messages.",
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["server", "parent", "position"],
                        name="channels_tree_ix",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("server", "id"), name="channels_uq"),
                    models.UniqueConstraint(
                        fields=("server", "id", "level"), name="channels_level_uq"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["text", "voice", "category", "announcement", "thread"])
                        ),
                        name="channels_kind_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "category"), ("parent__isnull", True)),
                            models.Q(("kind", "thread"), ("parent__isnull", False)),
                            models.Q(("kind__in", ["category", "thread"]), _negated=True),
                            _connector="OR",
                        ),
                        name="channels_parent_ck",
                        violation_error_message="A category has no parent, a thread has one.",
                    ),
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("name"), 1), name="channels_name_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("position__gte", 0)), name="channels_position_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("slowmode_seconds__gte", 0), ("slowmode_seconds__lte", 21600)
                        ),
                        name="channels_slowmode_seconds_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("last_seq", 0),
                            models.Q(
                                ("last_seq__gte", 0), models.Q(("kind", "category"), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="channels_last_seq_ck",
                        violation_error_message="A category has no messages.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("last_message_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("last_message_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("deleted_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("deleted_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="channels_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server",),
                        name="channels_server_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Server",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("server", "parent", "parent_level"),
                        name="channels_parent_fk",
                        to="self",
                        to_fields=("server", "id", "level"),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChannelPermission",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.server",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="overwrites",
                        to="chat.channel",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="overwrites",
                        to="chat.role",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("allow", models.BigIntegerField(db_default=0, default=0)),
                ("deny", models.BigIntegerField(db_default=0, default=0)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "channel_permissions",
                "db_table_comment": "Overwrites of a channel, each for one role or for one user.",
                "indexes": [
                    models.Index(
                        condition=models.Q(("role__isnull", False)),
                        fields=["server", "role"],
                        name="channel_permissions_role_ix",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "channel", "role", "user"),
                        name="channel_permissions_uq",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("role__isnull", True), ("user__isnull", False)),
                            models.Q(("role__isnull", False), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="channel_permissions_target_ck",
                        violation_error_message="An overwrite is for one role or for one user.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("allow__gte", 0),
                            ("allow__lte", 9007199254740991),
                            ("deny__gte", 0),
                            ("deny__lte", 9007199254740991),
                        ),
                        name="channel_permissions_mask_ck",
                    ),
                    models.CheckConstraint(
                        condition=Exact(
                            CombinedExpression(models.F("allow"), "&", models.F("deny")), 0
                        ),
                        name="channel_permissions_disjoint_ck",
                        violation_error_message="A permission cannot be allowed and denied at once.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="channel_permissions_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server", "channel"),
                        name="channel_permissions_channel_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Channel",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("server", "role"),
                        name="channel_permissions_role_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Role",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("user",),
                        name="channel_permissions_user_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invite",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="invites",
                        to="chat.server",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="invites",
                        to="chat.channel",
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                (
                    "creator",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="invites",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("max_uses", models.IntegerField(blank=True, null=True)),
                ("uses", models.IntegerField(db_default=0, default=0)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "invites",
                "db_table_comment": "Codes to join by. uses never exceeds max_uses: a race fails here.",
                "indexes": [
                    models.Index(
                        models.F("server"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        name="invites_server_ix",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[A-Za-z0-9-]{2,32}$")),
                        name="invites_code_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("uses__gte", 0),
                            models.Q(
                                ("max_uses__isnull", True),
                                models.Q(("max_uses__gte", 1), ("uses__lte", models.F("max_uses"))),
                                _connector="OR",
                            ),
                        ),
                        name="invites_uses_ck",
                        violation_error_message="This invite has been used as often as it may be.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="invites_expires_at_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("expires_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("expires_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("revoked_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("revoked_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="invites_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server",),
                        name="invites_server_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Server",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("server", "channel"),
                        name="invites_channel_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Channel",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("creator",),
                        name="invites_creator_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.server",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="messages",
                        to="chat.channel",
                    ),
                ),
                ("seq", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reply_to_seq", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("edited_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("pinned_at", models.DateTimeField(blank=True, null=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "pinned_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "deleted_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("version", models.IntegerField(db_default=1, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("join", "Join"),
                            ("pin", "Pin"),
                            ("rename", "Rename"),
                            ("thread", "Thread"),
                            ("notice", "Notice"),
                        ],
                        db_default="text",
                        default="text",
                        max_length=8,
                    ),
                ),
                (
                    "content",
                    models.CharField(blank=True, db_default="", default="", max_length=4000),
                ),
            ],
            options={
                "db_table": "messages",
                "db_table_comment": "Messages in channels, numbered without gaps by seq.",
                "indexes": [
                    models.Index(
                        fields=["author", "server", "channel", "seq"], name="messages_author_ix"
                    ),
                    models.Index(
                        condition=models.Q(("reply_to_seq__isnull", False)),
                        fields=["server", "channel", "reply_to_seq"],
                        name="messages_reply_ix",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["server", "channel", "seq"],
                        name="messages_deleted_ix",
                    ),
                    models.Index(
                        models.F("server"),
                        models.F("channel"),
                        models.OrderBy(models.F("pinned_at"), descending=True),
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("pinned_at__isnull", False)
                        ),
                        name="messages_pinned_ix",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "channel", "seq"), name="messages_seq_uq"
                    ),
                    models.UniqueConstraint(fields=("server", "id"), name="messages_uq"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["text", "join", "pin", "rename", "thread", "notice"])
                        ),
                        name="messages_kind_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("author__isnull", False), ("kind", "text")),
                            models.Q(models.Q(("kind", "text"), _negated=True), ("content", "")),
                            _connector="OR",
                        ),
                        name="messages_author_ck",
                        violation_error_message="A text has an author, a message of the system has no words.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seq__gte", 1)), name="messages_seq_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("edited_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("edited_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("pinned_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("pinned_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("deleted_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("deleted_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="messages_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reply_to_seq__gte", 1), ("reply_to_seq__lt", models.F("seq"))
                        ),
                        name="messages_reply_ck",
                        violation_error_message="A reply comes after what it answers.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="messages_version_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("pinned_at__isnull", False),
                            ("pinned_by__isnull", True),
                            _connector="OR",
                        ),
                        name="messages_pinned_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("deleted_at__isnull", False),
                            ("deleted_by__isnull", True),
                            _connector="OR",
                        ),
                        name="messages_deleted_ck",
                    ),
                    CompositeForeignKey(
                        fields=("pinned_by",),
                        name="messages_pinned_by_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("deleted_by",),
                        name="messages_deleted_by_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("server", "channel"),
                        name="messages_channel_fk",
                        to="chat.Channel",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("server", "channel", "reply_to_seq"),
                        name="messages_reply_fk",
                        to="self",
                        to_fields=("server", "channel", "seq"),
                    ),
                    CompositeForeignKey(
                        fields=("author",),
                        name="messages_author_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DirectConversation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("pair", "Pair"), ("group", "Group")],
                        db_default="pair",
                        default="pair",
                        max_length=8,
                    ),
                ),
                (
                    "pair_low",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "pair_high",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(blank=True, db_default="", default="", max_length=100)),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("last_seq", models.BigIntegerField(db_default=0, editable=False)),
                ("last_message_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "direct_conversations",
                "db_table_comment": "Conversations of two or of a group; a pair has one, by its id.",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["pair", "group"])),
                        name="direct_conversations_kind_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind", "pair"),
                                ("name", ""),
                                ("owner__isnull", True),
                                ("pair_high__isnull", False),
                                ("pair_low__isnull", False),
                                ("pair_low__lte", models.F("pair_high")),
                            ),
                            models.Q(
                                ("kind", "group"),
                                ("pair_high__isnull", True),
                                ("pair_low__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="direct_conversations_shape_ck",
                        violation_error_message="A pair has two users, the lower id first; a group none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind", "group"),
                                models.Q(
                                    Exact(Substr(Cast("id", models.TextField()), 15, 1), "8"),
                                    _negated=True,
                                ),
                            ),
                            models.Q(
                                (
                                    "id",
                                    models.Func(
                                        "pair_low",
                                        "pair_high",
                                        function="public.direct_pair_id",
                                        output_field=models.UUIDField(),
                                    ),
                                ),
                                ("kind", "pair"),
                            ),
                            _connector="OR",
                        ),
                        name="direct_conversations_pair_ck",
                        violation_error_message="The id of a pair is direct_pair_id(pair_low, pair_high); no group has one.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last_seq__gte", 0)),
                        name="direct_conversations_last_seq_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("last_message_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("last_message_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="direct_conversations_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("pair_low",),
                        name="direct_conversations_pair_low_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("pair_high",),
                        name="direct_conversations_pair_high_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("owner",),
                        name="direct_conversations_owner_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DirectParticipant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="participants",
                        to="chat.directconversation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="conversations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("last_read_seq", models.BigIntegerField(db_default=0, default=0)),
                ("muted_until", models.DateTimeField(blank=True, null=True)),
                ("left_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "direct_participants",
                "db_table_comment": "Who takes part in a conversation, and how far they have read.",
                "indexes": [
                    models.Index(
                        fields=["user", "conversation"], name="direct_participants_user_ix"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "user"), name="direct_participants_uq"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last_read_seq__gte", 0)),
                        name="direct_participants_last_read_seq_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("muted_until__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("muted_until__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("left_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("left_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="direct_participants_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("conversation",),
                        name="direct_participants_conversation_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.DirectConversation",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("user",),
                        name="direct_participants_user_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DirectMessage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="messages",
                        to="chat.directconversation",
                    ),
                ),
                ("seq", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reply_to_seq", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("edited_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("pinned_at", models.DateTimeField(blank=True, null=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "pinned_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "deleted_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("version", models.IntegerField(db_default=1, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("join", "Join"),
                            ("pin", "Pin"),
                            ("rename", "Rename"),
                            ("thread", "Thread"),
                            ("notice", "Notice"),
                        ],
                        db_default="text",
                        default="text",
                        max_length=8,
                    ),
                ),
                (
                    "content",
                    models.CharField(blank=True, db_default="", default="", max_length=4000),
                ),
            ],
            options={
                "db_table": "direct_messages",
                "db_table_comment": "Messages in direct conversations, numbered without gaps by seq.",
                "indexes": [
                    models.Index(
                        fields=["author", "conversation", "seq"], name="direct_messages_author_ix"
                    ),
                    models.Index(
                        condition=models.Q(("reply_to_seq__isnull", False)),
                        fields=["conversation", "reply_to_seq"],
                        name="direct_messages_reply_ix",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["conversation", "seq"],
                        name="direct_messages_deleted_ix",
                    ),
                    models.Index(
                        models.F("conversation"),
                        models.OrderBy(models.F("pinned_at"), descending=True),
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("pinned_at__isnull", False)
                        ),
                        name="direct_messages_pinned_ix",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "seq"), name="direct_messages_seq_uq"
                    ),
                    models.UniqueConstraint(
                        fields=("conversation", "id"), name="direct_messages_uq"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["text", "join", "pin", "rename", "thread", "notice"])
                        ),
                        name="direct_messages_kind_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("author__isnull", False), ("kind", "text")),
                            models.Q(models.Q(("kind", "text"), _negated=True), ("content", "")),
                            _connector="OR",
                        ),
                        name="direct_messages_author_ck",
                        violation_error_message="A text has an author, a message of the system has no words.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seq__gte", 1)), name="direct_messages_seq_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("edited_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("edited_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("pinned_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("pinned_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("deleted_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("deleted_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="direct_messages_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reply_to_seq__gte", 1), ("reply_to_seq__lt", models.F("seq"))
                        ),
                        name="direct_messages_reply_ck",
                        violation_error_message="A reply comes after what it answers.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="direct_messages_version_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("pinned_at__isnull", False),
                            ("pinned_by__isnull", True),
                            _connector="OR",
                        ),
                        name="direct_messages_pinned_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("deleted_at__isnull", False),
                            ("deleted_by__isnull", True),
                            _connector="OR",
                        ),
                        name="direct_messages_deleted_ck",
                    ),
                    CompositeForeignKey(
                        fields=("pinned_by",),
                        name="direct_messages_pinned_by_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("deleted_by",),
                        name="direct_messages_deleted_by_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("conversation",),
                        name="direct_messages_conversation_fk",
                        to="chat.DirectConversation",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("conversation", "author"),
                        name="direct_messages_author_fk",
                        to="chat.DirectParticipant",
                        to_fields=("conversation", "user"),
                        violation_error_message="Only a participant can write in a conversation.",
                    ),
                    CompositeForeignKey(
                        fields=("conversation", "reply_to_seq"),
                        name="direct_messages_reply_fk",
                        to="self",
                        to_fields=("conversation", "seq"),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageRevision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("space_id", models.UUIDField()),
                (
                    "message",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="%(class)ss",
                        to="chat.message",
                    ),
                ),
                (
                    "direct_message",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="%(class)ss",
                        to="chat.directmessage",
                    ),
                ),
                ("version", models.IntegerField()),
                ("content", models.CharField(max_length=4000)),
                (
                    "editor",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("replaced_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "message_revisions",
                "db_table_comment": "Earlier versions of edited messages, written by a trigger.",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("space_id", "message", "version"),
                        name="message_revisions_message_uq",
                    ),
                    models.UniqueConstraint(
                        fields=("space_id", "direct_message", "version"),
                        name="message_revisions_direct_uq",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("direct_message__isnull", False), ("message__isnull", True)),
                            models.Q(("direct_message__isnull", True), ("message__isnull", False)),
                            _connector="OR",
                        ),
                        name="message_revisions_target_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="message_revisions_version_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("replaced_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("replaced_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="message_revisions_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("space_id", "message"),
                        name="message_revisions_message_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Message",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("space_id", "direct_message"),
                        name="message_revisions_direct_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.DirectMessage",
                        to_fields=("conversation", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("editor",),
                        name="message_revisions_editor_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Mention",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.server",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.channel",
                    ),
                ),
                ("seq", models.BigIntegerField()),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="mentions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.role",
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "mentions",
                "db_table_comment": "Who is named in a message: a user, a role, or (neither) everyone.",
                "indexes": [
                    models.Index(
                        condition=models.Q(("user__isnull", False)),
                        fields=["user", "server", "channel", "seq"],
                        name="mentions_user_ix",
                    ),
                    models.Index(
                        models.F("user"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        condition=models.Q(("user__isnull", False)),
                        name="mentions_inbox_ix",
                    ),
                    models.Index(
                        condition=models.Q(("role__isnull", False)),
                        fields=["server", "role"],
                        name="mentions_role_ix",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "channel", "seq", "user", "role"),
                        name="mentions_uq",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("user__isnull", True), ("role__isnull", True), _connector="OR"
                        ),
                        name="mentions_target_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="mentions_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server", "channel", "seq"),
                        name="mentions_message_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Message",
                        to_fields=("server", "channel", "seq"),
                    ),
                    CompositeForeignKey(
                        fields=("user",), name="mentions_user_fk", to="chat.User", to_fields=("id",)
                    ),
                    CompositeForeignKey(
                        fields=("server", "role"),
                        name="mentions_role_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Role",
                        to_fields=("server", "id"),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("space_id", models.UUIDField()),
                (
                    "message",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="%(class)ss",
                        to="chat.message",
                    ),
                ),
                (
                    "direct_message",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="%(class)ss",
                        to="chat.directmessage",
                    ),
                ),
                ("emoji", models.CharField(max_length=64)),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "reactions",
                "db_table_comment": "Emoji under messages; each user puts each emoji once.",
                "indexes": [models.Index(fields=["user", "space_id"], name="reactions_user_ix")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("space_id", "message", "emoji", "user"), name="reactions_message_uq"
                    ),
                    models.UniqueConstraint(
                        fields=("space_id", "direct_message", "emoji", "user"),
                        name="reactions_direct_uq",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("direct_message__isnull", False), ("message__isnull", True)),
                            models.Q(("direct_message__isnull", True), ("message__isnull", False)),
                            _connector="OR",
                        ),
                        name="reactions_target_ck",
                    ),
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("emoji"), 1), name="reactions_emoji_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="reactions_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("space_id", "message"),
                        name="reactions_message_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Message",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("space_id", "direct_message"),
                        name="reactions_direct_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.DirectMessage",
                        to_fields=("conversation", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("user",),
                        name="reactions_user_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageAttachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("space_id", models.UUIDField()),
                (
                    "message",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="%(class)ss",
                        to="chat.message",
                    ),
                ),
                (
                    "direct_message",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="%(class)ss",
                        to="chat.directmessage",
                    ),
                ),
                (
                    "uploader",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("position", models.SmallIntegerField(db_default=0, default=0)),
                ("filename", models.CharField(max_length=255)),
                ("content_type", models.CharField(max_length=127)),
                ("size_bytes", models.IntegerField()),
                ("sha256", models.BinaryField(max_length=32)),
                ("storage_key", models.CharField(max_length=255)),
                ("width", models.IntegerField(blank=True, null=True)),
                ("height", models.IntegerField(blank=True, null=True)),
                ("duration_ms", models.IntegerField(blank=True, null=True)),
                (
                    "alt_text",
                    models.CharField(blank=True, db_default="", default="", max_length=1024),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "message_attachments",
                "db_table_comment": "Files of messages; a row without a message is still uploading.",
                "indexes": [
                    models.Index(
                        models.F("created_at"),
                        condition=models.Q(
                            ("direct_message__isnull", True), ("message__isnull", True)
                        ),
                        name="message_attachments_unsent_ix",
                    ),
                    models.Index(fields=["uploader"], name="message_attachments_user_ix"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("space_id", "storage_key"),
                        name="message_attachments_storage_key_uq",
                    ),
                    models.UniqueConstraint(
                        fields=("space_id", "message", "position"),
                        name="message_attachments_message_uq",
                    ),
                    models.UniqueConstraint(
                        fields=("space_id", "direct_message", "position"),
                        name="message_attachments_direct_uq",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("message__isnull", True),
                            ("direct_message__isnull", True),
                            _connector="OR",
                        ),
                        name="message_attachments_target_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("position__gte", 0), ("position__lte", 9)),
                        name="message_attachments_position_ck",
                        violation_error_message="A message has at most ten attachments.",
                    ),
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("filename"), 1),
                        name="message_attachments_filename_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("size_bytes__gte", 1), ("size_bytes__lte", 26214400)),
                        name="message_attachments_size_bytes_ck",
                        violation_error_message="An attachment has between 1 byte and 25 MiB.",
                    ),
                    models.CheckConstraint(
                        condition=Exact(Length("sha256"), 32), name="message_attachments_sha256_ck"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("width__isnull", True), ("width__gte", 1), _connector="OR"),
                            models.Q(("height__isnull", True), ("height__gte", 1), _connector="OR"),
                            models.Q(
                                ("duration_ms__isnull", True),
                                ("duration_ms__gte", 0),
                                _connector="OR",
                            ),
                        ),
                        name="message_attachments_media_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="message_attachments_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("space_id", "message"),
                        name="message_attachments_message_fk",
                        on_delete=OnDelete.RESTRICT,
                        to="chat.Message",
                        to_fields=("server", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("space_id", "direct_message"),
                        name="message_attachments_direct_fk",
                        on_delete=OnDelete.RESTRICT,
                        to="chat.DirectMessage",
                        to_fields=("conversation", "id"),
                    ),
                    CompositeForeignKey(
                        fields=("uploader",),
                        name="message_attachments_uploader_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReadState",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to="chat.server",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="read_states",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="read_states",
                        to="chat.channel",
                    ),
                ),
                ("last_read_seq", models.BigIntegerField(db_default=0, default=0)),
                (
                    "notify",
                    models.CharField(
                        blank=True,
                        choices=[("all", "All"), ("mentions", "Mentions"), ("nothing", "Nothing")],
                        max_length=8,
                        null=True,
                    ),
                ),
                ("muted_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "read_states",
                "db_table_comment": "How far a member has read in a channel; goes with either of them.",
                "indexes": [
                    models.Index(fields=["server", "channel"], name="read_states_channel_ix")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "user", "channel"), name="read_states_uq"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last_read_seq__gte", 0)),
                        name="read_states_last_read_seq_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("notify__in", ["all", "mentions", "nothing"])),
                        name="read_states_notify_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("muted_until__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("muted_until__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="read_states_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server", "user"),
                        name="read_states_member_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.ServerMember",
                        to_fields=("server", "user"),
                    ),
                    CompositeForeignKey(
                        fields=("server", "channel"),
                        name="read_states_channel_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Channel",
                        to_fields=("server", "id"),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Ban",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="bans",
                        to="chat.server",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="bans",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=512)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "db_table": "bans",
                "db_table_comment": "Who may not be a member of a server (trigger on both tables).",
                "indexes": [models.Index(fields=["user"], name="bans_user_ix")],
                "constraints": [
                    models.UniqueConstraint(fields=("server", "user"), name="bans_uq"),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="bans_expires_at_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("updated_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("updated_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                            ("expires_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("expires_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="bans_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server",),
                        name="bans_server_fk",
                        on_delete=OnDelete.CASCADE,
                        to="chat.Server",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("user",), name="bans_user_fk", to="chat.User", to_fields=("id",)
                    ),
                    CompositeForeignKey(
                        fields=("actor",), name="bans_actor_fk", to="chat.User", to_fields=("id",)
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditLogEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="audit_log",
                        to="chat.server",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("action", models.CharField(max_length=64)),
                (
                    "target_type",
                    models.CharField(blank=True, db_default="", default="", max_length=32),
                ),
                ("target_id", models.UUIDField(blank=True, null=True)),
                ("changes", models.JSONField(blank=True, db_default={}, default=dict)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=512)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "verbose_name": "audit log entry",
                "verbose_name_plural": "audit log",
                "db_table": "audit_log",
                "db_table_comment": "What moderators did. Append-only (trigger).",
                "indexes": [
                    models.Index(
                        models.F("server"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="audit_log_server_ix",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=GreaterThanOrEqual(Length("action"), 1),
                        name="audit_log_action_ck",
                    ),
                    models.CheckConstraint(
                        condition=Exact(
                            models.Func(
                                "changes", function="jsonb_typeof", output_field=models.TextField()
                            ),
                            "object",
                        ),
                        name="audit_log_changes_ck",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("created_at__gte", datetime(1970, 1, 1, tzinfo=UTC)),
                            ("created_at__lt", datetime(9999, 1, 1, tzinfo=UTC)),
                        ),
                        name="audit_log_moments_ck",
                        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
                    ),
                    CompositeForeignKey(
                        fields=("server",),
                        name="audit_log_server_fk",
                        to="chat.Server",
                        to_fields=("id",),
                    ),
                    CompositeForeignKey(
                        fields=("actor",),
                        name="audit_log_actor_fk",
                        to="chat.User",
                        to_fields=("id",),
                    ),
                ],
            },
        ),
    ]

"""Users, their sessions and their preferences."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q, TextField, Value
from django.db.models.functions import Cast, Concat, Left, Lower, Now, Replace
from django.db.models.lookups import Regex

from chat.db.checks import (
    choices_constraint,
    legible_constraint,
    length_constraint,
    moments_constraint,
    object_constraint,
)
from chat.db.constraints import foreign_key
from chat.db.fields import Reference
from chat.models.base import ChangingRow
from chat.rules.limits import (
    BIO_LENGTH,
    DISPLAY_NAME_LENGTH,
    SHA256_BYTES,
    STORAGE_KEY_LENGTH,
    USERNAME_LENGTH,
)

USERNAME_PATTERN = r"^[a-z0-9_.]{2,32}$"
ERASED_PREFIX = "erased_"


class UserManager(BaseUserManager["User"]):
    """Creates users, with a hashed password and names as the database stores them."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str | None:  # type: ignore[override]
        """Return the address in lower case, and None for no address."""
        return email.strip().lower() or None if email else None

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by the name typed at a log-in, in whatever case."""
        return self.get(username=(username or "").lower())

    def create_user(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> "User":
        """Create a user; without a password nobody can log in as it."""
        user = self.model(
            username=self.model.normalize_username(username),
            email=self.normalize_email(email),
            **fields,
        )
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> "User":
        """Create a user who may do everything in the admin."""
        flags = {"is_staff": True, "is_superuser": True}
        return self.create_user(username, email, password, **flags, **fields)


class User(AbstractBaseUser, PermissionsMixin, ChangingRow):
    """A person, a bot, or the system itself.

    Never deleted: erasing empties the row, so that what points at it stays valid.
    """

    class Kind(models.TextChoices):
        """Who uses the account."""

        HUMAN = "human"
        BOT = "bot"
        SYSTEM = "system"

    # Set here too, not by the trigger alone: on a cluster this table is copied to every node, and
    # the trigger of each copy would read its own clock.
    updated_at = models.DateTimeField(auto_now=True, db_default=Now(), editable=False)
    username = models.CharField(
        max_length=USERNAME_LENGTH,
        unique=True,
        validators=[
            RegexValidator(
                USERNAME_PATTERN, "Two to 32 lower-case letters, digits, underscores or dots."
            )
        ],
    )
    display_name = models.CharField(
        max_length=DISPLAY_NAME_LENGTH, blank=True, default="", db_default=""
    )
    email = models.EmailField(unique=True, null=True, blank=True, default=None)
    kind = models.CharField(
        max_length=8, choices=Kind.choices, default=Kind.HUMAN, db_default=Kind.HUMAN
    )
    bio = models.CharField(max_length=BIO_LENGTH, blank=True, default="", db_default="")
    avatar_key = models.CharField(
        max_length=STORAGE_KEY_LENGTH,
        null=True,
        blank=True,
        db_comment="Where the picture is in the file store.",
    )
    is_active = models.BooleanField(default=True, db_default=True)
    is_staff = models.BooleanField("may use the admin", default=False, db_default=False)
    is_superuser = models.BooleanField("may do everything", default=False, db_default=False)
    # A row of another client has no password: "!" alone matches none.
    password = models.CharField(max_length=128, db_default=UNUSABLE_PASSWORD_PREFIX)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        db_table = "users"
        db_table_comment = "People, bots and the system. Erased in place, never deleted."
        indexes = [
            # Staff, and users that are no persons: few among very many, newest first.
            Index(fields=["id"], name="users_staff_ix", condition=Q(is_staff=True)),
            Index(fields=["kind", "id"], name="users_kind_ix", condition=~Q(kind="human")),
        ]
        constraints = [
            CheckConstraint(
                name="users_username_ck", condition=Q(username__regex=USERNAME_PATTERN)
            ),
            legible_constraint("users", "display_name", may_be_empty=True),
            CheckConstraint(
                name="users_email_ck",
                condition=Q(email=Lower("email"), email__regex=r"^[^@\s]+@[^@\s]+$"),
            ),
            choices_constraint("users", "kind", ["human", "bot", "system"]),
            moments_constraint("users", "created_at", "updated_at", "last_login", "erased_at"),
            CheckConstraint(
                name="users_erased_ck",
                condition=Q(erased_at__isnull=True)
                | Q(
                    username=Concat(
                        Value(ERASED_PREFIX),
                        Left(Replace(Cast("id", TextField()), Value("-"), Value("")), 25),
                    ),
                    display_name="",
                    email__isnull=True,
                    bio="",
                    avatar_key__isnull=True,
                    password__startswith=UNUSABLE_PASSWORD_PREFIX,
                    last_login__isnull=True,
                    is_active=False,
                    is_staff=False,
                    is_superuser=False,
                ),
                violation_error_message="An erased user keeps no personal data.",
            ),
            # This prevents a user from taking the name that another gets when erased.
            CheckConstraint(
                name="users_erased_name_ck",
                condition=Q(erased_at__isnull=False) | ~Q(username__startswith=ERASED_PREFIX),
                violation_error_message="Names beginning with 'erased_' are kept for erased users.",
            ),
        ]

    def clean(self) -> None:
        """Convert name and address to the form that the database stores."""
        self.username = self.normalize_username(self.username)
        self.email = UserManager.normalize_email(self.email)

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Return the name in lower case."""
        return super().normalize_username(username).lower()


_IN_HEX = Func(F("token_hash"), Value("hex"), function="encode", output_field=TextField())


class UserSession(ChangingRow):
    """A log-in from one device. The token itself is never stored, only its SHA-256."""

    user = Reference(User, related_name="sessions")
    token_hash = models.BinaryField(max_length=SHA256_BYTES, unique=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True, default="", db_default="")
    last_seen_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "user_sessions"
        db_table_comment = "Log-ins. token_hash is the SHA-256 of the token, never the token."
        indexes = [
            # A user's sessions, newest first, and signing out everywhere.
            Index(F("user"), F("expires_at").desc(), name="user_sessions_user_ix"),
        ]
        constraints = [
            length_constraint("user_sessions", "token_hash", exactly=SHA256_BYTES),
            # This prevents a token of 32 characters from being stored in clear text. Of all hashes
            # one in 60,000,000,000,000 is made of printable characters alone.
            CheckConstraint(
                name="user_sessions_token_clear_ck",
                condition=~Q(Regex(_IN_HEX, "^([2-6][0-9a-f]|7[0-9a-e]){32}$")),
                violation_error_message="A session keeps the hash of its token, not the token.",
            ),
            CheckConstraint(
                name="user_sessions_expires_at_ck", condition=Q(expires_at__gt=F("created_at"))
            ),
            moments_constraint(
                "user_sessions",
                "created_at",
                "updated_at",
                "last_seen_at",
                "expires_at",
                "revoked_at",
            ),
            foreign_key("user_sessions", "user", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} of user {self.user_id}"


class UserPreferences(models.Model):
    """The settings of a user; at most one row each."""

    class Theme(models.TextChoices):
        """The colours of the client."""

        SYSTEM = "system"
        LIGHT = "light"
        DARK = "dark"

    user = models.OneToOneField(
        User,
        models.DO_NOTHING,
        primary_key=True,
        db_constraint=False,
        related_name="preferences",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    theme = models.CharField(
        max_length=8, choices=Theme.choices, default=Theme.SYSTEM, db_default=Theme.SYSTEM
    )
    # A BCP 47 tag, such as "en" or "pt-BR".
    locale = models.CharField(max_length=35, default="en", db_default="en")
    # Only for clients; what a query filters by does not belong here.
    data = models.JSONField(default=dict, blank=True, db_default={})

    class Meta:
        db_table = "user_preferences"
        db_table_comment = "A user's settings; data is an object that only clients read."
        verbose_name_plural = "user preferences"
        constraints = [
            choices_constraint("user_preferences", "theme", ["system", "light", "dark"]),
            CheckConstraint(
                name="user_preferences_locale_ck",
                condition=Q(locale__regex=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
            ),
            object_constraint("user_preferences", "data"),
            moments_constraint("user_preferences", "created_at", "updated_at"),
            foreign_key("user_preferences", "user", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"

"""Users, sessions and preferences: one form of each name, and no secret in clear."""

from base64 import b64encode
from secrets import token_bytes, token_hex, token_urlsafe

import pytest

from tests.chat.sql import by_check, by_length, execute, refused, rows, value
from tests.factories import UserFactory, UserPreferencesFactory, UserSessionFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "username", ["Sailor", "x", "", "two words", "jack-tar", "sail\n", "jäck", "jack@sea"]
)
def test_username_outside_the_pattern_is_refused(username: str) -> None:
    user = UserFactory.create()

    refusal = refused("UPDATE users SET username = %s WHERE id = %s", username, user.id)

    assert refusal == by_check("users_username_ck")


def test_username_has_32_characters_at_most() -> None:
    user = UserFactory.create(username="x" * 32)

    refusal = refused("UPDATE users SET username = username || 'x' WHERE id = %s", user.id)

    assert refusal == by_length()


def test_username_is_taken_once() -> None:
    user = UserFactory.create()

    refusal = refused("INSERT INTO users (username) VALUES (%s)", user.username)

    assert refusal.sqlstate == "23505"
    assert str(refusal.constraint).startswith("users_username")


def test_email_in_upper_case_is_refused() -> None:
    user = UserFactory.create()

    refusal = refused("UPDATE users SET email = 'Jack@sea.example' WHERE id = %s", user.id)

    assert refusal == by_check("users_email_ck")


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "jack",
        "@sea.example",
        "jack@",
        "jack@sea@example",
        "jack @sea.example",
        "jack@sea.example\n",
    ],
)
def test_email_that_is_no_address_is_refused(email: str) -> None:
    user = UserFactory.create()

    refusal = refused("UPDATE users SET email = %s WHERE id = %s", email, user.id)

    assert refusal == by_check("users_email_ck")


def test_email_is_taken_once() -> None:
    UserFactory.create(email="jack@sea.example")

    refusal = refused("INSERT INTO users (username, email) VALUES ('anne', 'jack@sea.example')")

    assert refusal.sqlstate == "23505"
    assert str(refusal.constraint).startswith("users_email")


def test_any_number_of_users_have_no_email() -> None:
    execute("INSERT INTO users (username) VALUES ('anne'), ('mary')")

    assert rows("SELECT email FROM users") == [(None,), (None,)]


def test_user_is_of_a_known_kind() -> None:
    user = UserFactory.create()

    refusal = refused("UPDATE users SET kind = 'parrot' WHERE id = %s", user.id)

    assert refusal == by_check("users_kind_ck")


def test_user_that_another_client_makes_cannot_log_in() -> None:
    execute("INSERT INTO users (username) VALUES ('anne')")

    assert value("SELECT password FROM users") == "!"


def test_unused_user_is_not_deleted_either() -> None:
    user = UserFactory.create()

    refusal = refused("DELETE FROM users WHERE id = %s", user.id)

    assert refusal == by_check("users_kept")


def test_purge_deletes_an_unused_user() -> None:
    user = UserFactory.create()
    execute("SET LOCAL chat.purge = 'on'")

    execute("DELETE FROM users WHERE id = %s", user.id)

    assert rows("SELECT username FROM users") == []


@pytest.mark.parametrize("name", ["erased_", "erased_0", "erased_by_myself"])
def test_name_of_an_erased_user_cannot_be_taken(name: str) -> None:
    refusal = refused("INSERT INTO users (username) VALUES (%s)", name)

    assert refusal == by_check("users_erased_name_ck")


@pytest.mark.parametrize(
    "token", [b"", b"x" * 31, b"x" * 33, b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c1"]
)
def test_token_of_another_length_than_a_hash_is_refused(token: bytes) -> None:
    session = UserSessionFactory.create()

    refusal = refused("UPDATE user_sessions SET token_hash = %s WHERE id = %s", token, session.id)

    assert refusal == by_check("user_sessions_token_hash_ck")


@pytest.mark.parametrize(
    "token",
    [
        token_hex(16).encode(),
        b64encode(token_bytes(24)),
        token_urlsafe(24).encode(),
        b" " * 32,
        b"~" * 32,
    ],
    ids=["hex", "base64", "base64url", "first", "last"],
)
def test_token_of_32_characters_is_refused(token: bytes) -> None:
    session = UserSessionFactory.create()

    refusal = refused("UPDATE user_sessions SET token_hash = %s WHERE id = %s", token, session.id)

    assert refusal == by_check("user_sessions_token_clear_ck")


@pytest.mark.one_machine("a cluster itself does not change what a row is spread by")
def test_token_opens_one_session() -> None:
    session, other = UserSessionFactory.create(), UserSessionFactory.create()

    refusal = refused(
        "UPDATE user_sessions SET token_hash = %s WHERE id = %s", session.token_hash, other.id
    )

    assert refusal.sqlstate == "23505"
    assert str(refusal.constraint).startswith("user_sessions_token_hash")


def test_session_expires_after_it_begins() -> None:
    session = UserSessionFactory.create()

    refusal = refused("UPDATE user_sessions SET expires_at = created_at WHERE id = %s", session.id)

    assert refusal == by_check("user_sessions_expires_at_ck")


@pytest.mark.parametrize("data", ["[]", "1", '"dark"', "null", "true"])
def test_preferences_that_are_no_object_are_refused(data: str) -> None:
    preferences = UserPreferencesFactory.create()

    refusal = refused(
        "UPDATE user_preferences SET data = %s WHERE user_id = %s", data, preferences.user_id
    )

    assert refusal == by_check("user_preferences_data_ck")


def test_theme_is_a_known_one() -> None:
    preferences = UserPreferencesFactory.create()

    refusal = refused(
        "UPDATE user_preferences SET theme = 'sepia' WHERE user_id = %s", preferences.user_id
    )

    assert refusal == by_check("user_preferences_theme_ck")


@pytest.mark.parametrize("locale", ["", "e", "en_GB", "en-", "english!"])
def test_locale_is_a_language_tag(locale: str) -> None:
    preferences = UserPreferencesFactory.create()

    refusal = refused(
        "UPDATE user_preferences SET locale = %s WHERE user_id = %s", locale, preferences.user_id
    )

    assert refusal == by_check("user_preferences_locale_ck")


def test_user_has_preferences_once() -> None:
    preferences = UserPreferencesFactory.create()

    refusal = refused("INSERT INTO user_preferences (user_id) VALUES (%s)", preferences.user_id)

    assert refusal.sqlstate == "23505"

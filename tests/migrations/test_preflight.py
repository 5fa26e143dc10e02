"""The schema can be spread over machines, and what would prevent it is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

pytestmark = pytest.mark.django_db

PREFLIGHT = Path(settings.BASE_DIR, ".ci", "preflight.sql").read_text("utf-8")

# What breaks each of its rules.
WRONG = {
    """
    CREATE TABLE berths (
        id uuid PRIMARY KEY DEFAULT uuidv7(),
        space_id uuid,
        number bigint GENERATED ALWAYS AS IDENTITY,
        user_id uuid,
        beside uuid CONSTRAINT berths_beside_fk REFERENCES berths,
        during tstzrange,
        EXCLUDE USING gist (during WITH &&),
        CONSTRAINT berths_member_fk FOREIGN KEY (space_id, user_id)
        REFERENCES server_members (space_id, user_id) ON DELETE SET NULL
    )
    """: {
        "the key that spreads a table can be NULL",
        "a unique key without the tenant",
        "an exclusion without the tenant",
        "ids that are counted",
        "a foreign key that does not pair the tenant",
        "SET NULL or SET DEFAULT with the tenant",
    },
    """
    CREATE TABLE cranes (
        id uuid, space_id uuid NOT NULL GENERATED ALWAYS AS (id) STORED
    )
    """: {"the key that spreads a table is generated"},
    """
    CREATE TABLE ports (
        id uuid PRIMARY KEY,
        space uuid,
        member uuid,
        FOREIGN KEY (space, member) REFERENCES server_members (space_id, user_id)
    )
    """: {"a foreign key from a reference table to one that is spread"},
    """
    ALTER TABLE user_sessions ADD COLUMN space uuid, ADD COLUMN ban uuid,
    ADD FOREIGN KEY (space, ban) REFERENCES bans (space_id, user_id) DEFERRABLE
    """: {
        "a foreign key between tables that are spread differently",
        "a foreign key that is deferrable",
    },
    "ALTER TABLE django_session ADD COLUMN who uuid REFERENCES users": {
        "a foreign key from a local table"
    },
    """
    CREATE FUNCTION note_user() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.bio := clock_timestamp()::text;
        INSERT INTO public.ports (id) VALUES (NEW.id);
        RETURN NEW;
    END $$;
    CREATE TRIGGER users_noted BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION note_user()
    """: {
        "a trigger on a reference table that writes",
        "a trigger on a reference table that asks a clock or a die",
    },
    """
    CREATE FUNCTION join_messages() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM FROM inserted
        INNER JOIN public.channels ON channels.space_id = inserted.space_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER messages_joined AFTER INSERT ON messages REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION join_messages()
    """: {
        "a transition table beside a table",
        "a subquery whose tenant is that of the row outside",
    },
    """
    CREATE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM FROM public.users WHERE id = NEW.user_id FOR SHARE;
        DELETE FROM user_sessions WHERE user_id = NEW.user_id;
        IF TG_TABLE_NAME = 'bans' THEN
            PERFORM pg_notify('bans', '');
        END IF;
        RETURN NEW;
    END $$;
    CREATE CONSTRAINT TRIGGER bans_end_sessions AFTER INSERT ON bans DEFERRABLE
    FOR EACH ROW EXECUTE FUNCTION end_sessions()
    """: {
        "a trigger that locks a row of a reference table",
        "a trigger that touches tables spread differently",
        "a statement of a trigger that gives no tenant",
        "a table without its schema in a trigger",
        "a trigger that goes by the name of its table",
        "a trigger that notifies",
        "a trigger that is deferred",
    },
    """
    CREATE FUNCTION keep_bans() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.discarded_files (space_id) SELECT space_id FROM public.bans;
        RETURN NULL;
    END $$;
    CREATE TRIGGER bans_emptied BEFORE TRUNCATE ON bans EXECUTE FUNCTION keep_bans()
    """: {"a trigger on TRUNCATE that inserts or deletes"},
    """
    CREATE VIEW live_bans AS SELECT bans.id, (SELECT count(*) FROM channels) AS channels
    FROM bans, LATERAL (SELECT bans.expires_at > now() AS live) AS state
    """: {
        "a view with LATERAL or a scalar subquery",
        "a view with a clock in a subquery without FROM",
    },
    """
    CREATE FUNCTION count_channels() RETURNS bigint LANGUAGE sql AS
    'SELECT count(*) FROM public.channels'
    """: {"a function that takes no tenant"},
}


def violations() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(PREFLIGHT)
        return {rule for rule, _, _ in cursor.fetchall()}


def test_nothing_keeps_the_schema_from_being_spread_and_what_would_is_found() -> None:
    assert violations() == set()

    with connection.cursor() as cursor:
        for statement in WRONG:
            cursor.execute(statement)

    assert violations() == set.union(*WRONG.values())


def test_every_rule_is_broken_on_purpose() -> None:
    rules = PREFLIGHT.count("UNION ALL") + 1

    assert len(set.union(*WRONG.values())) == rules

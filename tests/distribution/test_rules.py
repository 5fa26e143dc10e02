"""Nothing keeps the schema from being spread over machines, and what would is found."""

import pytest
from django.db import connection

from chat.distribution.rules import findings, rules
from chat.rules import distribution

pytestmark = pytest.mark.django_db

# Each rule, and what breaks it.
WRONG = {
    "nullable_key": "ALTER TABLE bans ALTER COLUMN space_id DROP NOT NULL",
    "generated_key": """
        CREATE TABLE berths (id uuid, space_id uuid NOT NULL GENERATED ALWAYS AS (id) STORED)
    """,
    "unique_without_key": "ALTER TABLE roles ADD CONSTRAINT roles_wrong_uq UNIQUE (name)",
    "exclusion_without_key": """
        CREATE TABLE berths (
            space_id uuid NOT NULL, during tstzrange, EXCLUDE USING gist (during WITH &&)
        )
    """,
    "counted_ids": "ALTER TABLE bans ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY",
    "unique_at_commit": """
        ALTER TABLE bans ADD CONSTRAINT bans_late_uq UNIQUE (space_id, reason, id) DEFERRABLE
    """,
    "reference_to_spread": """
        ALTER TABLE invite_codes ADD COLUMN owner_id uuid,
        ADD FOREIGN KEY (space_id, owner_id) REFERENCES server_members (space_id, user_id)
    """,
    "key_without_space": """
        ALTER TABLE bans ADD COLUMN other uuid,
        ADD FOREIGN KEY (other, user_id) REFERENCES server_members (space_id, user_id)
    """,
    "key_between_groups": """
        ALTER TABLE user_sessions ADD COLUMN space uuid, ADD COLUMN ban uuid,
        ADD FOREIGN KEY (space, ban) REFERENCES bans (space_id, user_id)
    """,
    "key_blanks_its_row": """
        ALTER TABLE bans ADD FOREIGN KEY (space_id, actor_id)
        REFERENCES server_members (space_id, user_id) ON DELETE SET NULL
    """,
    "key_at_commit": "ALTER TABLE bans ADD FOREIGN KEY (actor_id) REFERENCES users DEFERRABLE",
    "key_from_local": """
        ALTER TABLE django_session ADD COLUMN space uuid, ADD COLUMN who uuid,
        ADD FOREIGN KEY (space, who) REFERENCES server_members (space_id, user_id)
    """,
    "reference_trigger_writes": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            DELETE FROM public.invite_codes WHERE code = NEW.username;
            RETURN NEW;
        END $$;
        CREATE TRIGGER users_noted AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "reference_trigger_differs": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.bio := clock_timestamp()::text;
            RETURN NEW;
        END $$;
        CREATE TRIGGER users_noted BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "transition_table_joined": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM FROM inserted
            INNER JOIN public.channels ON channels.space_id = inserted.space_id;
            RETURN NULL;
        END $$;
        CREATE TRIGGER messages_noted AFTER INSERT ON messages REFERENCING NEW TABLE AS inserted
        FOR EACH STATEMENT EXECUTE FUNCTION note()
    """,
    "trigger_touches_another_group": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            DELETE FROM public.user_sessions WHERE token_hash = '' AND user_id = NEW.user_id;
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "trigger_locks_reference": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM FROM public.users WHERE id = NEW.user_id FOR SHARE;
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "space_of_the_row_outside": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM FROM public.bans AS ban
            WHERE ban.space_id = NEW.space_id AND EXISTS (
                SELECT FROM public.roles WHERE roles.space_id = ban.space_id
            );
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "trigger_gives_no_space": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            DELETE FROM public.roles WHERE id = NEW.id;
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "trigger_by_table_name": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_TABLE_NAME = 'bans' THEN RETURN NULL; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "table_without_schema": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            DELETE FROM roles WHERE space_id = NEW.space_id;
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "trigger_notifies": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_notify('bans', '');
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "set_by_function": """
        CREATE FUNCTION note() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            PERFORM set_config('chat.purge', 'on', true);
        END $$
    """,
    "lock_without_space": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended(NEW.user_id::text, 0));
            RETURN NEW;
        END $$;
        CREATE TRIGGER bans_noted AFTER INSERT ON bans FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "truncate_trigger_writes": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.discarded_files (space_id) SELECT space_id FROM public.bans;
            RETURN NULL;
        END $$;
        CREATE TRIGGER bans_noted BEFORE TRUNCATE ON bans EXECUTE FUNCTION note()
    """,
    "deferred_trigger": """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE CONSTRAINT TRIGGER bans_noted AFTER INSERT ON bans DEFERRABLE
        FOR EACH ROW EXECUTE FUNCTION note()
    """,
    "clock_without_from": """
        CREATE VIEW live_bans AS SELECT bans.id
        FROM bans, LATERAL (SELECT bans.expires_at > now() AS live) AS state
    """,
    "view_asks_every_machine": """
        CREATE VIEW counted_bans AS SELECT bans.id, (SELECT count(*) FROM channels) AS channels
        FROM bans
    """,
    "function_without_space": """
        CREATE FUNCTION count_channels() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
            RETURN (SELECT count(*) FROM public.channels);
        END $$
    """,
}
# What else a statement above breaks, since the one comes with the other.
AS_WELL = {
    "clock_without_from": {"view_asks_every_machine"},
    "transition_table_joined": {"space_of_the_row_outside"},
}


def test_nothing_keeps_the_schema_from_being_spread() -> None:
    assert list(findings(connection)) == []


@pytest.mark.parametrize("rule", WRONG)
def test_what_breaks_a_rule_is_found(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(distribution.SPREAD, "berths", "space_id")

    with connection.cursor() as cursor:
        cursor.execute(WRONG[rule])

    assert {each.rule.name for each in findings(connection)} == {rule} | AS_WELL.get(rule, set())


def test_every_rule_is_broken_on_purpose() -> None:
    assert [rule.name for rule in rules()] == list(WRONG)


def test_key_may_pair_the_space_last_where_it_has_it_twice() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE participants ADD CONSTRAINT participants_turned_fk"
            " FOREIGN KEY (space_id, space_id) REFERENCES channels (space_id, id)"
        )

    found = [(each.rule.name, each.object) for each in findings(connection)]
    assert found == [("key_without_space", "participants_turned_fk")]

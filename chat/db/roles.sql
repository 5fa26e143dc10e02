-- Whose right is what: {owner} owns the schema and migrates it, {app} is for the application, {readonly}
-- for reports. Run it again after each migration: what is new has no right yet but that of {app} to
-- read it.
--
-- A right to a table is one to each of its columns. Where a right is given column by column, what is
-- not given is revoked by name below, so that a new column without a decision can be found (a test
-- does). The triggers that write what {app} may not are SECURITY DEFINER. {app} may make nothing, not
-- even for a moment (TEMPORARY), so that no trigger or function of its own stands in between.
--
-- Changing an owner locks the table for a moment; run again, it locks nothing.

SET LOCAL search_path = public;

-- Roles -------------------------------------------------------------------------------------------

-- Without a password, and none of them logs in yet: ALTER ROLE … LOGIN, and \password in psql.
DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[{owner_name}, {app_name}, {readonly_name}] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;

    SELECT rolname INTO role_name
    FROM pg_roles
    WHERE
        rolname IN ({app_name}, {readonly_name})
        AND (
            rolsuper
            OR rolcreaterole
            OR rolreplication
            OR pg_has_role(rolname, {owner_name}, 'MEMBER')
            OR pg_has_role(rolname, 'pg_write_all_data', 'MEMBER')
            OR pg_has_role(rolname, 'pg_write_server_files', 'MEMBER')
            OR pg_has_role(rolname, 'pg_execute_server_program', 'MEMBER')
        );

    IF FOUND THEN
        RAISE EXCEPTION 'role % can do more than is granted here', role_name
            USING
                ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Take another role: no superuser, no member of the owner or of pg_write_all_data, '
                    'without CREATEROLE and REPLICATION.';
    END IF;

    -- To hand tables over to a role takes its rights, which a superuser has.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        AND current_user <> {owner_name}
    THEN
        EXECUTE format('GRANT %I TO %I', {owner_name}, current_user);
    END IF;
END
$roles$;

-- The database and its schema ---------------------------------------------------------------------

REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {app}, {readonly};
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {owner};
GRANT CONNECT ON DATABASE {database} TO {app}, {readonly};

REVOKE CREATE ON SCHEMA public FROM PUBLIC, {app}, {readonly};
GRANT USAGE, CREATE ON SCHEMA public TO {owner};
GRANT USAGE ON SCHEMA public TO {app}, {readonly};

DO $owner$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT
            format(
                'ALTER %s public.%I OWNER TO %I',
                CASE relation.relkind
                    WHEN 'v' THEN 'VIEW'
                    WHEN 'm' THEN 'MATERIALIZED VIEW'
                    WHEN 'S' THEN 'SEQUENCE'
                    ELSE 'TABLE'
                END,
                relation.relname,
                {owner_name}
            )
        FROM pg_class AS relation
        WHERE
            relation.relnamespace = 'public'::regnamespace
            AND relation.relkind IN ('r', 'p', 'v', 'm', 'S')
            AND pg_get_userbyid(relation.relowner) <> {owner_name}
            -- Neither what belongs to an extension nor the sequence of a column.
            AND NOT EXISTS (
                SELECT
                FROM pg_depend
                WHERE
                    classid = 'pg_class'::regclass
                    AND objid = relation.oid
                    AND deptype IN ('e', 'a', 'i')
                    AND (deptype = 'e' OR relation.relkind = 'S')
            )
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO %I', routine.oid::regprocedure, {owner_name})
        FROM pg_proc AS routine
        WHERE
            routine.pronamespace = 'public'::regnamespace
            AND pg_get_userbyid(routine.proowner) <> {owner_name}
            AND NOT EXISTS (
                SELECT
                FROM pg_depend
                WHERE
                    classid = 'pg_proc'::regclass AND objid = routine.oid AND deptype = 'e'
            )
    LOOP
        EXECUTE command;
    END LOOP;

    -- What runs with the rights of the owner is nobody's to call, or to make a trigger of.
    FOR command IN
        SELECT format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', oid::regprocedure)
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosecdef
    LOOP
        EXECUTE command;
    END LOOP;
END
$owner$;

ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT ON TABLES TO {app};

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {app}, {readonly};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {app}, {readonly};

-- The application ---------------------------------------------------------------------------------

GRANT SELECT ON ALL TABLES IN SCHEMA public TO {app};

-- What it may write as the services do; the triggers see to the rest.
GRANT INSERT, UPDATE, DELETE ON
    bans, channel_permissions, invites, message_attachments, roles, server_members, user_preferences,
    user_sessions
TO {app};

-- Stays, or goes with its server alone. What is purged of it, and what is not, triggers let the owner
-- alone say.
GRANT INSERT, UPDATE ON channels, servers, users TO {app};
GRANT INSERT ON invite_codes TO {app};

-- Comes and goes, and is not changed. Whoever locks a row needs a right to change it: to change its
-- tenant, which triggers refuse everybody.
GRANT INSERT, DELETE ON discarded_files, member_roles, mentions, reactions TO {app};
GRANT UPDATE (space_id) ON discarded_files, reactions TO {app};
REVOKE UPDATE (id, created_at, storage_key) ON discarded_files FROM {app};
REVOKE UPDATE (id, created_at, message_id, emoji, user_id) ON reactions FROM {app};

-- Counters are the triggers'; an import locks them.
GRANT UPDATE (space_id) ON channel_counters TO {app};
REVOKE UPDATE (
    channel_id, first_seq, last_seq, last_change, ranges_upto, last_message_at, closed
) ON channel_counters FROM {app};

-- An import brings its own numbers and moments, which are looked at.
GRANT INSERT ON messages TO {app};
GRANT UPDATE (content, pinned_at, pinned_by_id, deleted_at, deleted_by_id) ON messages TO {app};
REVOKE UPDATE (
    id, created_at, updated_at, space_id, channel_id, seq, author_id, kind, reply_to_seq, version,
    edited_at, search
) ON messages FROM {app};

GRANT INSERT ON participants TO {app};
GRANT UPDATE (joined_at, left_at) ON participants TO {app};
REVOKE UPDATE (id, created_at, updated_at, space_id, user_id) ON participants FROM {app};

-- When somebody sent last is a trigger's, for slow mode asks it.
GRANT EXECUTE ON FUNCTION slow_mode_wait(uuid, uuid, uuid) TO {app};
GRANT INSERT (id, space_id, user_id, channel_id, last_read_seq, ranges_upto, notify, muted_until)
ON read_states TO {app};
REVOKE INSERT (created_at, updated_at, last_sent_at) ON read_states FROM {app};
GRANT UPDATE (last_read_seq, ranges_upto, notify, muted_until) ON read_states TO {app};
REVOKE UPDATE (
    id, created_at, updated_at, space_id, user_id, channel_id, last_sent_at
) ON read_states FROM {app};
GRANT DELETE ON read_states TO {app};
REVOKE INSERT, UPDATE, DELETE ON read_ranges FROM {app};

-- What is done or looked at now, and at no other time.
GRANT INSERT (id, space_id, actor_id, action, target_type, target_id, changes, reason)
ON audit_log TO {app};
REVOKE INSERT (created_at) ON audit_log FROM {app};
GRANT INSERT (id, actor_id, action, target_type, target_id, details)
ON admin_access_log TO {app};
REVOKE INSERT (created_at) ON admin_access_log FROM {app};

-- Histories are the triggers', and an erasure's.
GRANT EXECUTE ON FUNCTION purge_erased_user(uuid) TO {app};
REVOKE INSERT, UPDATE, DELETE ON message_revisions FROM {app};

-- The admin, sessions and log-ins.
GRANT INSERT, UPDATE, DELETE ON
    auth_group, auth_group_permissions, axes_accessattempt, axes_accessattemptexpiration,
    axes_accessfailurelog, axes_accesslog, django_admin_log, django_session, users_groups,
    users_user_permissions
TO {app};

-- What a migration writes.
REVOKE INSERT, UPDATE, DELETE ON
    auth_permission, django_content_type, django_migrations, schema_migrations
FROM {app};
REVOKE INSERT, UPDATE, DELETE ON channel_access, direct_conversations, direct_messages FROM {app};

-- Reports -----------------------------------------------------------------------------------------

GRANT SELECT ON
    admin_access_log, audit_log, auth_group, auth_group_permissions, auth_permission, bans, channel_access,
    channel_counters, channel_permissions, channels, direct_conversations, django_content_type,
    django_migrations, member_roles, participants, read_ranges, read_states, roles, schema_migrations, server_members,
    servers, users_groups, users_user_permissions
TO {readonly};

-- What was said, what files are, who reacted with what and whom a text names: what is private cannot be
-- told from what is not by a right to a column. That something was said, by whom and when, can be seen.
GRANT SELECT (
    id, created_at, updated_at, space_id, channel_id, seq, author_id, kind, reply_to_seq, version,
    edited_at, pinned_at, pinned_by_id, deleted_at, deleted_by_id
) ON messages TO {readonly};
REVOKE SELECT (content, search) ON messages FROM {readonly};
GRANT SELECT (id, space_id, message_id, version, editor_id, replaced_at)
ON message_revisions TO {readonly};
REVOKE SELECT (content) ON message_revisions FROM {readonly};
GRANT SELECT (
    id, created_at, updated_at, space_id, message_id, uploader_id, position, content_type, size_bytes,
    width, height, duration_ms
) ON message_attachments TO {readonly};
REVOKE SELECT (filename, sha256, storage_key, alt_text) ON message_attachments FROM {readonly};
GRANT SELECT (id, created_at, space_id, message_id) ON reactions TO {readonly};
REVOKE SELECT (emoji, user_id) ON reactions FROM {readonly};
GRANT SELECT (id, created_at, space_id, channel_id, seq) ON mentions TO {readonly};
REVOKE SELECT (user_id, role_id) ON mentions FROM {readonly};
REVOKE SELECT ON direct_messages FROM {readonly};

-- What lets somebody in: passwords, tokens, codes, and what was typed to log in.
GRANT SELECT (
    id, created_at, updated_at, username, display_name, kind, bio, avatar_key, last_login, is_active,
    is_staff, is_superuser, erased_at
) ON users TO {readonly};
REVOKE SELECT (password, email) ON users FROM {readonly};
GRANT SELECT (
    id, created_at, updated_at, space_id, channel_id, creator_id, max_uses, uses, expires_at, revoked_at
) ON invites TO {readonly};
REVOKE SELECT (code) ON invites FROM {readonly};
REVOKE SELECT ON
    axes_accessattempt, axes_accessattemptexpiration, axes_accessfailurelog, axes_accesslog,
    discarded_files, django_admin_log, django_session, invite_codes, user_preferences, user_sessions
FROM {readonly};

-- Spread over several machines: a row that is inserted there brings every column that has a default,
-- so a right on the others alone is refused.
DO $$
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'messages'::regclass) THEN
        EXECUTE format('GRANT INSERT ON read_states, audit_log, admin_access_log TO %I', {app_name});
    END IF;
END $$;

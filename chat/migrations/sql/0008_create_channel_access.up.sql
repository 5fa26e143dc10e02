-- What each user may do in each channel and conversation, as one relation. The order is that of
-- Discord's public documentation; chat/permissions.py is the same in Python, and a test holds them
-- together.
--
-- It is flat, so that a cluster can answer it, and no hot path asks it: one place is asked by the
-- function below, and all places of a user by chat/queries/sql/places.sql.
--
-- PostgreSQL gives |, &, << and >> one precedence and reads them from left to right, hence the many
-- parentheses. Bits: 8 is ADMINISTRATOR, 1024 VIEW_CHANNEL, 2048 SEND_MESSAGES; 8866461766385663 is every
-- permission there is, 8866461766385655 every one that an overwrite can carry.

CREATE VIEW public.channel_access (
    user_id, space_id, channel_id, permissions, last_seq, last_message_at, role_ids
) AS
SELECT
    placed.user_id,
    placed.space_id,
    placed.channel_id,
    CASE
        WHEN placed.is_unlimited THEN 8866461766385663
        -- In a timeout: VIEW_CHANNEL and READ_MESSAGE_HISTORY.
        WHEN placed.timed_out_until > now() THEN placed.permissions & 66560
        ELSE
            placed.permissions
            -- Without SEND_MESSAGES: no SEND_TTS_MESSAGES, EMBED_LINKS, ATTACH_FILES,
            -- MENTION_EVERYONE.
            & CASE WHEN placed.permissions & 2048 = 0 THEN ~184320::bigint ELSE -1 END
            -- Without CONNECT in a voice channel: nothing of voice, no MANAGE_CHANNELS, no
            -- MANAGE_ROLES.
            & CASE
                WHEN placed.kind = 'voice' AND placed.permissions & 1048576 = 0
                    THEN ~321611779539728
                ELSE -1
            END
    END AS permissions,
    placed.last_seq,
    placed.last_message_at,
    placed.role_ids
FROM (
    SELECT
        ruled.*,
        ruled.owner_id = ruled.user_id OR ruled.base & 8 <> 0 AS is_unlimited,
        -- To send in a thread is SEND_MESSAGES_IN_THREADS, bit 38; callers ask for SEND_MESSAGES
        -- anywhere.
        CASE
            WHEN ruled.kind = 'thread'
                THEN (ruled.overwritten & ~2048::bigint) | ((ruled.overwritten >> 27) & 2048)
            ELSE ruled.overwritten
        END AS permissions
    FROM (
        SELECT
            held.*,
            -- Everyone's overwrite, then those of all roles together (an allow beats a deny), then
            -- the member's. ADMINISTRATOR is not for an overwrite to give.
            (
                (
                    (
                        (
                            ((held.base & ~held.everyones_deny) | held.everyones_allow)
                            & ~held.roles_deny
                        )
                        | held.roles_allow
                    )
                    & ~held.members_deny
                )
                | held.members_allow
            )
            & 8866461766385655 AS overwritten
        FROM (
            -- The rows of a group are its member's roles, and to each the overwrites that it, or
            -- the member, has in the channel; a thread has its parent's.
            SELECT
                member.user_id,
                channel.space_id,
                channel.id AS channel_id,
                channel.kind,
                counter.last_seq,
                counter.last_message_at,
                member.timed_out_until,
                server.owner_id,
                coalesce(bit_or(role.permissions) FILTER (WHERE given.is_held), 0)
                & 8866461766385663 AS base,
                array_agg(DISTINCT role.id) FILTER (WHERE given.is_held) AS role_ids,
                coalesce(bit_or(rule.allow) FILTER (WHERE rule.rank = 0), 0) AS everyones_allow,
                coalesce(bit_or(rule.deny) FILTER (WHERE rule.rank = 0), 0) AS everyones_deny,
                coalesce(bit_or(rule.allow) FILTER (WHERE rule.rank = 1), 0) AS roles_allow,
                coalesce(bit_or(rule.deny) FILTER (WHERE rule.rank = 1), 0) AS roles_deny,
                coalesce(bit_or(rule.allow) FILTER (WHERE rule.rank = 2), 0) AS members_allow,
                coalesce(bit_or(rule.deny) FILTER (WHERE rule.rank = 2), 0) AS members_deny
            FROM XXX
        ) AS held
    ) AS ruled
) AS placed

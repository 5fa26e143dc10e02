-- How much one user has not read, in each channel and conversation that they can see, in the spaces
-- from one to another. Messages that they may not read (READ_MESSAGE_HISTORY, 65536) are not counted,
-- nor purged ones (below first_seq), nor those in read_ranges, which are looked at where there are any
-- after the mark. The subqueries are not run for a channel without unread messages. Mentions of the
-- user and those of roles are read apart, so that the mentions of other users in a busy channel are
-- not read. What a role is looked up in is a hash: some people have hundreds.
--
-- FULL JOIN, because it cannot be a nested loop: there are thousands of channels and marks, whatever
-- the planner estimates.
-- spaces on a cluster: at once
SELECT
    member.space_id,
    entry.channel_id,
    entry.last_seq,
    entry.last_read_seq,
    entry.unread,
    entry.mentions,
    entry.notify,
    entry.muted_until
FROM (
    -- include: members.sql
) AS member
CROSS JOIN LATERAL (
    SELECT
        entry.*,
        CASE WHEN entry.is_unread THEN
            entry.last_seq - entry.read_upto - CASE WHEN entry.known IS NULL THEN 0 ELSE (
                SELECT sum(upper(part) - lower(part))::bigint
                FROM unnest(entry.known) AS part
            ) END - (
                SELECT count(*)
                FROM public.messages AS deleted
                WHERE
                    deleted.space_id = member.space_id
                    AND deleted.channel_id = entry.channel_id
                    AND deleted.seq > entry.read_upto
                    AND deleted.deleted_at IS NOT NULL
                    AND (entry.known @> deleted.seq) IS NOT TRUE
            )
        ELSE 0 END AS unread,
        CASE WHEN entry.is_unread THEN (
            SELECT count(*)
            FROM (
                SELECT own.seq
                FROM public.mentions AS own
                WHERE
                    own.user_id = %(user)s
                    AND own.space_id = member.space_id
                    AND own.channel_id = entry.channel_id
                    AND own.seq > entry.read_upto
                UNION
                SELECT shared.seq
                FROM public.mentions AS shared
                WHERE
                    shared.user_id IS NULL
                    AND shared.space_id = member.space_id
                    AND shared.channel_id = entry.channel_id
                    AND shared.seq > entry.read_upto
                    AND (shared.role_id IS NULL OR shared.role_id IN (SELECT unnest(member.role_ids)))
            ) AS mention
            WHERE (entry.known @> mention.seq) IS NOT TRUE AND (
                SELECT deleted.seq
                FROM public.messages AS deleted
                WHERE
                    deleted.space_id = member.space_id
                    AND deleted.channel_id = entry.channel_id
                    AND deleted.seq = mention.seq
                    AND deleted.deleted_at IS NOT NULL
            ) IS NULL
        ) ELSE 0 END AS mentions
    FROM (
        SELECT
            marked.*,
            marked.permissions & 65536 <> 0 AND marked.last_seq > marked.read_upto AS is_unread,
            CASE
                WHEN marked.permissions & 65536 <> 0 AND marked.ranges_upto > marked.read_upto THEN (
                    -- include: known_numbers.sql
                )
            END AS known
        FROM (
            SELECT
                place.*,
                coalesce(mark.last_read_seq, 0) AS last_read_seq,
                greatest(mark.last_read_seq, place.first_seq - 1) AS read_upto,
                mark.ranges_upto AS mark_ranges_upto,
                mark.notify,
                mark.muted_until
            FROM (
                -- include: server_places.sql
            ) AS place
            FULL JOIN (
                SELECT channel_id, last_read_seq, ranges_upto, notify, muted_until
                FROM public.read_states
                WHERE space_id = member.space_id AND user_id = %(user)s
                OFFSET 0
            ) AS mark ON mark.channel_id = place.channel_id
            WHERE member.base IS NOT NULL
            UNION ALL
            SELECT
                place.*,
                coalesce(mark.last_read_seq, 0) AS last_read_seq,
                greatest(mark.last_read_seq, place.first_seq - 1) AS read_upto,
                mark.ranges_upto AS mark_ranges_upto,
                mark.notify,
                mark.muted_until
            FROM (
                -- include: conversation_places.sql
            ) AS place
            LEFT JOIN public.read_states AS mark
                ON
                    mark.space_id = member.space_id
                    AND mark.user_id = %(user)s
                    AND mark.channel_id = member.space_id
            OFFSET 0
        ) AS marked
        WHERE marked.permissions <> 0
        OFFSET 0
    ) AS entry
    OFFSET 0
) AS entry
ORDER BY member.space_id, entry.channel_id;

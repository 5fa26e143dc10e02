-- How much one user has not read, in every channel and conversation that they can see. What may not
-- be read (READ_MESSAGE_HISTORY, 65536) is not counted, nor what was purged (below first_seq). The
-- subqueries of a place in which all is read are not run. Mentions take two looks, so that whoever
-- has never read a busy channel does not read there the mentions of everybody else.
--
-- FULL JOIN, for which there is no nested loop: places and marks are thousands, whatever is guessed.
WITH mark AS MATERIALIZED (
    SELECT state.channel_id, state.last_read_seq, state.notify, state.muted_until
    FROM (
        SELECT space_id FROM public.server_members WHERE user_id = %(user)s
        UNION ALL
        SELECT space_id FROM public.participants WHERE user_id = %(user)s
    ) AS own
    CROSS JOIN LATERAL (
        SELECT channel_id, last_read_seq, notify, muted_until
        FROM public.read_states
        WHERE space_id = own.space_id AND user_id = %(user)s
        OFFSET 0
    ) AS state
)
SELECT
    place.space_id,
    place.channel_id,
    place.last_seq,
    place.last_read_seq,
    CASE WHEN place.is_unread THEN
        place.last_seq - place.read_upto - (
            SELECT count(*)
            FROM public.messages AS deleted
            WHERE
                deleted.space_id = place.space_id
                AND deleted.channel_id = place.channel_id
                AND deleted.seq > place.read_upto
                AND deleted.deleted_at IS NOT NULL
        )
    ELSE 0 END AS unread,
    CASE WHEN place.is_unread THEN (
        SELECT count(DISTINCT mention.seq)
        FROM (
            SELECT own.seq
            FROM public.mentions AS own
            WHERE
                own.user_id = %(user)s
                AND own.space_id = place.space_id
                AND own.channel_id = place.channel_id
                AND own.seq > place.read_upto
            UNION ALL
            SELECT shared.seq
            FROM public.mentions AS shared
            WHERE
                shared.user_id IS NULL
                AND shared.space_id = place.space_id
                AND shared.channel_id = place.channel_id
                AND shared.seq > place.read_upto
                AND (shared.role_id IS NULL OR shared.role_id = ANY (place.role_ids))
        ) AS mention
        WHERE (
            SELECT deleted.seq
            FROM public.messages AS deleted
            WHERE
                deleted.space_id = place.space_id
                AND deleted.channel_id = place.channel_id
                AND deleted.seq = mention.seq
                AND deleted.deleted_at IS NOT NULL
        ) IS NULL
    ) ELSE 0 END AS mentions,
    place.notify,
    place.muted_until
FROM (
    SELECT
        marked.*,
        marked.permissions & 65536 <> 0 AND marked.last_seq > marked.read_upto AS is_unread
    FROM (
        SELECT
            seen.space_id,
            seen.channel_id,
            seen.permissions,
            seen.role_ids,
            seen.last_seq,
            coalesce(mark.last_read_seq, 0) AS last_read_seq,
            greatest(mark.last_read_seq, seen.first_seq - 1) AS read_upto,
            mark.notify,
            mark.muted_until
        FROM (
            -- include: places.sql
        ) AS seen
        FULL JOIN mark ON mark.channel_id = seen.channel_id
        OFFSET 0
    ) AS marked
    WHERE marked.permissions <> 0
    OFFSET 0
) AS place
ORDER BY place.space_id, place.channel_id;

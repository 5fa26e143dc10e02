-- How much one user has not read, for every channel that they can see. What may not be read
-- (READ_MESSAGE_HISTORY, 65536) is not counted. The subqueries of a channel in which all is read are
-- not run.
SELECT
    place.server_id,
    place.channel_id,
    place.last_seq,
    place.last_read_seq,
    CASE WHEN place.is_unread THEN
        place.last_seq - place.last_read_seq - (
            SELECT count(*)
            FROM public.messages AS deleted
            WHERE
                deleted.server_id = place.server_id
                AND deleted.channel_id = place.channel_id
                AND deleted.seq > place.last_read_seq
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
                AND own.server_id = place.server_id
                AND own.channel_id = place.channel_id
                AND own.seq > place.last_read_seq
            UNION ALL
            SELECT shared.seq
            FROM public.mentions AS shared
            WHERE
                shared.user_id IS NULL
                AND shared.server_id = place.server_id
                AND shared.channel_id = place.channel_id
                AND shared.seq > place.last_read_seq
                AND (shared.role_id IS NULL OR shared.role_id = ANY (place.role_ids))
        ) AS mention
        WHERE (
            SELECT deleted.seq
            FROM public.messages AS deleted
            WHERE
                deleted.server_id = place.server_id
                AND deleted.channel_id = place.channel_id
                AND deleted.seq = mention.seq
                AND deleted.deleted_at IS NOT NULL
        ) IS NULL
    ) ELSE 0 END AS mentions,
    place.notify,
    place.muted_until
FROM (
    SELECT
        access.server_id,
        access.channel_id,
        access.last_seq,
        access.role_ids,
        coalesce(mark.last_read_seq, 0) AS last_read_seq,
        access.permissions & 65536 <> 0
        AND access.last_seq > coalesce(mark.last_read_seq, 0) AS is_unread,
        mark.notify,
        mark.muted_until
    FROM public.channel_access AS access
    LEFT JOIN LATERAL (
        SELECT last_read_seq, notify, muted_until
        FROM public.read_states
        WHERE
            server_id = access.server_id
            AND user_id = %(user)s
            AND channel_id = access.channel_id
        OFFSET 0
    ) AS mark ON TRUE
    WHERE access.user_id = %(user)s
    OFFSET 0
) AS place
ORDER BY place.server_id, place.channel_id;

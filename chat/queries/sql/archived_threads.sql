-- The archived threads of one channel, last archived first. There is one row without a thread if there
-- are none, and no row if the viewer cannot see the channel.
WITH access AS MATERIALIZED (
    -- include: access.sql
)
SELECT
    page.id,
    page.name,
    page.archived_at,
    page.last_seq,
    page.last_message_at
FROM access
LEFT JOIN LATERAL (
    SELECT
        thread.id,
        thread.name,
        thread.archived_at,
        counter.last_seq,
        counter.last_message_at
    FROM (
        SELECT id, name, archived_at
        FROM public.channels
        WHERE
            space_id = access.space_id
            AND parent_id = access.channel_id
            AND kind = 'thread'
            AND archived_at IS NOT NULL
            AND deleted_at IS NULL
            AND (archived_at, id) < (%(before_at)s, %(before_id)s)
        ORDER BY archived_at DESC, id DESC
        LIMIT %(limit)s
    ) AS thread
    INNER JOIN public.channel_counters AS counter
        ON counter.space_id = access.space_id AND counter.channel_id = thread.id
) AS page ON TRUE
ORDER BY page.archived_at DESC, page.id DESC;

-- Hides a message, which then names nobody.
WITH hidden AS (
    UPDATE public.messages
    SET deleted_at = statement_timestamp(), deleted_by_id = %(actor)s
    WHERE space_id = %(space)s AND id = %(id)s
)

DELETE FROM public.mentions
WHERE space_id = %(space)s AND channel_id = %(channel)s AND seq = %(seq)s
RETURNING id;

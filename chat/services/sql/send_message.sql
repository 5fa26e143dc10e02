-- Sends a text that names nobody, answers nothing and has no files: one row, or none when something
-- is against it or the id is known.
INSERT INTO public.messages (id, space_id, channel_id, author_id, content)
SELECT %(id)s, place.space_id, place.channel_id, %(author)s, %(content)s
FROM (
    -- include: sendable.sql
) AS place
RETURNING
    space_id,
    seq,
    reply_to_seq,
    created_at,
    (
        -- include: still_permitted.sql
    );

-- Sends a text without mentions, reply and files: one row, or none if it is refused or the id is
-- known.
INSERT INTO public.messages (id, space_id, channel_id, author_id, content)
SELECT
    %(id)s::uuid,
    destination.space_id,
    destination.channel_id,
    %(author)s::uuid,
    %(content)s::varchar
FROM (
    -- include: sendable.sql
) AS destination
RETURNING
    space_id,
    seq,
    reply_to_seq,
    created_at,
    (
        -- include: still_permitted.sql
    );

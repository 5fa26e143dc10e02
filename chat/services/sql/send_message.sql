-- Sends a text that names nobody, answers nothing and has no files: one row, or none when something
-- is against it or the id is known. 2048 is SEND_MESSAGES; 4503599627378704 BYPASS_SLOWMODE,
-- MANAGE_MESSAGES and MANAGE_CHANNELS. OFFSET 0 keeps the permissions from being computed once for
-- each mention of them. A pair of which one was erased takes no message.
INSERT INTO public.messages (id, space_id, channel_id, author_id, content)
SELECT %(id)s, channel.space_id, channel.id, %(author)s, %(content)s
FROM public.channels AS channel
CROSS JOIN LATERAL (
    SELECT public.channel_permissions(%(author)s, channel.space_id, channel.id) AS permissions
    OFFSET 0
) AS own
WHERE
    channel.id = %(channel)s
    AND own.permissions & 2048 <> 0
    AND CASE
        WHEN channel.kind = 'pair' THEN NOT EXISTS (
            SELECT
            FROM public.users AS addressed
            WHERE
                addressed.id IN (channel.pair_low_id, channel.pair_high_id)
                AND addressed.erased_at IS NOT NULL
        )
        WHEN channel.slowmode_seconds = 0 OR own.permissions & 4503599627378704 <> 0 THEN true
        ELSE public.slow_mode_wait(%(author)s, channel.space_id, channel.id) = interval '0'
    END
RETURNING space_id, seq, reply_to_seq, created_at;

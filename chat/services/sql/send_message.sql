-- Sends a text that names nobody, answers nothing and has no files: one row, or none when something
-- is against it. 2048 is SEND_MESSAGES; 4503599627378704 BYPASS_SLOWMODE, MANAGE_MESSAGES and
-- MANAGE_CHANNELS. OFFSET 0 keeps the permissions from being computed once for each mention of them.
INSERT INTO public.messages (id, server_id, channel_id, author_id, content)
SELECT %(id)s, channel.server_id, channel.id, %(author)s, %(content)s
FROM public.channels AS channel
CROSS JOIN (
    SELECT public.channel_permissions(%(author)s, %(channel)s) AS permissions
    OFFSET 0
) AS own
WHERE
    channel.id = %(channel)s
    AND channel.kind <> 'category'
    AND own.permissions & 2048 <> 0
    AND CASE
        WHEN channel.slowmode_seconds = 0 OR own.permissions & 4503599627378704 <> 0 THEN true
        ELSE public.slow_mode_wait(%(author)s, channel.server_id, channel.id) = interval '0'
    END
ON CONFLICT (id) DO NOTHING
RETURNING server_id, seq, reply_to_seq, created_at;

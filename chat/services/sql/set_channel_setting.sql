-- Writes one of a member's two settings of a channel, and leaves the other and the mark.
INSERT INTO public.read_states AS own (server_id, user_id, channel_id, notify, muted_until)
SELECT
    access.server_id,
    access.user_id,
    access.channel_id,
    %(notify)s::varchar,
    %(muted_until)s::timestamptz
FROM public.channel_access AS access
WHERE
    access.user_id = %(user)s
    AND access.server_id = (SELECT server_id FROM public.channels WHERE id = %(channel)s)
    AND access.channel_id = %(channel)s
ON CONFLICT (server_id, user_id, channel_id) DO UPDATE
SET
    notify = CASE WHEN %(is_notify)s THEN excluded.notify ELSE own.notify END,
    muted_until = CASE WHEN %(is_notify)s THEN own.muted_until ELSE excluded.muted_until END
RETURNING true;

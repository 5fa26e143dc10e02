-- Writes one of somebody's two settings of a channel, and leaves the other and the mark; no row, no
-- access.
INSERT INTO public.read_states AS own (space_id, user_id, channel_id, notify, muted_until)
SELECT
    channel.space_id,
    %(user)s,
    channel.id,
    %(notify)s::varchar,
    %(muted_until)s::timestamptz
FROM public.channels AS channel
WHERE
    channel.id = %(channel)s
    AND public.channel_permissions(%(user)s, channel.space_id, channel.id) <> 0
ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
SET
    notify = CASE WHEN %(is_notify)s THEN excluded.notify ELSE own.notify END,
    muted_until = CASE WHEN %(is_notify)s THEN own.muted_until ELSE excluded.muted_until END
RETURNING true;

-- What somebody may do in a channel in which they reserve a file: no row if they cannot see it.
SELECT
    channel.space_id,
    %(user)s::uuid,
    own.permissions,
    coalesce(member.timed_out_until > now(), false),
    channel.id,
    EXISTS (
        SELECT
        FROM public.users AS addressed
        WHERE
            addressed.id IN (channel.pair_low_id, channel.pair_high_id)
            AND addressed.erased_at IS NOT NULL
    )
FROM public.channels AS channel
CROSS JOIN LATERAL (
    SELECT
        public.channel_permissions(%(user)s, channel.space_id, channel.id) AS permissions
    OFFSET 0
) AS own
LEFT JOIN public.server_members AS member
    ON member.space_id = channel.space_id AND member.user_id = %(user)s
WHERE channel.id = %(channel)s AND own.permissions <> 0;

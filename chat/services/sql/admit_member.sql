-- Makes somebody a member who is none, and tells whether that is so. Who left in a timeout comes
-- back into it: the log has the last word of a moderator about them. What was said before they came
-- counts as read, also in channels that only a role will open to them.
WITH admitted AS (
    INSERT INTO public.server_members (server_id, user_id, timed_out_until)
    VALUES (
        %(server)s,
        %(user)s,
        (
            SELECT (entry.changes #>> '{timed_out_until,1}')::timestamptz
            FROM public.audit_log AS entry
            WHERE
                entry.server_id = %(server)s
                AND entry.target_id = %(user)s
                AND entry.action = 'member.timeout'
            ORDER BY entry.created_at DESC, entry.id DESC
            LIMIT 1
        )
    )
    ON CONFLICT (server_id, user_id) DO NOTHING
    RETURNING server_id, user_id
),

marked AS (
    INSERT INTO public.read_states (server_id, user_id, channel_id, last_read_seq)
    SELECT admitted.server_id, admitted.user_id, channel.id, channel.last_seq
    FROM admitted
    INNER JOIN public.channels AS channel ON channel.server_id = admitted.server_id
    WHERE channel.last_seq > 0 AND channel.deleted_at IS NULL
    ORDER BY channel.id
)

SELECT count(*) FROM admitted;

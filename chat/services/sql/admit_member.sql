-- Inserts a member, and returns 1, or 0 for one who is a member already. A timeout during which the
-- user left goes on: the audit log has the last one. Earlier messages count as read, also in channels
-- that the user cannot see yet.
WITH admitted AS (
    INSERT INTO public.server_members (space_id, user_id, timed_out_until)
    SELECT
        %(server)s::uuid,
        %(user)s::uuid,
        (
            SELECT (entry.changes #>> '{timed_out_until,1}')::timestamptz
            FROM public.audit_log AS entry
            WHERE
                entry.space_id = %(server)s
                AND entry.target_id = %(user)s
                AND entry.action = 'member.timeout'
            ORDER BY entry.created_at DESC, entry.id DESC
            LIMIT 1
        )
    ON CONFLICT (space_id, user_id) DO NOTHING
    RETURNING user_id
),

marked AS (
    INSERT INTO public.read_states (space_id, user_id, channel_id, last_read_seq)
    SELECT %(server)s::uuid, admitted.user_id, channel.id, counter.last_seq
    FROM admitted
    INNER JOIN public.channels AS channel
        ON channel.space_id = %(server)s AND channel.deleted_at IS NULL
    INNER JOIN public.channel_counters AS counter
        ON counter.space_id = %(server)s AND counter.channel_id = channel.id
    WHERE counter.last_seq > 0
    ORDER BY channel.id
)

SELECT count(*) FROM admitted;

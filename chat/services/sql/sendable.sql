-- The channel, if %(author)s holds all of %(needed)s there, slow mode permits a message now, and the
-- other of a pair was not erased. Other statements include it. 4503599627378704 is BYPASS_SLOWMODE,
-- MANAGE_MESSAGES and MANAGE_CHANNELS. OFFSET 0 has the permissions computed once, not once for each
-- use of them.
SELECT channel.space_id, channel.id AS channel_id, own.permissions
FROM public.channels AS channel
CROSS JOIN LATERAL (
    SELECT public.channel_permissions(%(author)s, channel.space_id, channel.id) AS permissions
    OFFSET 0
) AS own
WHERE
    channel.id = %(channel)s
    AND own.permissions & %(needed)s = %(needed)s
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
    END;

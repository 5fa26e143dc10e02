-- One channel or conversation, with what the viewer may do there: no row if they cannot see it.
SELECT
    seen.space_id,
    seen.channel_id,
    seen.permissions,
    seen.first_seq,
    seen.last_seq
FROM (
    SELECT
        counter.space_id,
        counter.channel_id,
        counter.first_seq,
        counter.last_seq,
        public.channel_permissions(%(viewer)s, channel.space_id, channel.id) AS permissions
    FROM public.channels AS channel
    INNER JOIN public.channel_counters AS counter
        ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
    WHERE channel.id = %(channel)s
    OFFSET 0
) AS seen
WHERE seen.permissions <> 0;

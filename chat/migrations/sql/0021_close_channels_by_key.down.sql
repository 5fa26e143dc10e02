-- As in 0003: all of the channels by one statement.

CREATE OR REPLACE FUNCTION public.update_closed(in_space uuid, of_channels uuid[]) RETURNS void
LANGUAGE plpgsql
-- A plan made while the tables are small would read all of them for each of a thousand new threads.
SET enable_seqscan = off
AS $function$
BEGIN
    PERFORM
    FROM public.channel_counters AS counter
    INNER JOIN public.channels AS channel
        ON channel.space_id = in_space AND channel.id = counter.channel_id
    WHERE counter.space_id = in_space AND counter.channel_id = ANY (of_channels)
    ORDER BY channel.level, channel.id
    FOR NO KEY UPDATE OF counter;

    UPDATE public.channel_counters AS counter
    SET closed = state.closed, last_change = counter.last_change + 1
    FROM (
        SELECT
            channel.id,
            channel.kind = 'category'
            OR channel.deleted_at IS NOT NULL
            OR channel.archived_at IS NOT NULL
            OR parent.deleted_at IS NOT NULL
            OR server.deleted_at IS NOT NULL AS closed
        FROM public.channels AS channel
        LEFT JOIN public.channels AS parent
            ON
                channel.kind = 'thread'
                AND parent.space_id = in_space
                AND parent.id = channel.parent_id
        LEFT JOIN public.servers AS server
            ON server.space_id = in_space
        WHERE channel.space_id = in_space AND channel.id = ANY (of_channels)
    ) AS state
    WHERE
        counter.space_id = in_space
        AND counter.channel_id = state.id
        -- A parent of many new threads is moved by the first of a transaction alone.
        AND (counter.closed <> state.closed OR counter.xmin <> pg_current_xact_id()::xid);
END
$function$;

-- A connection that has planned while a server had one channel reads all channels of the server for
-- each: 1,500 times 1,500 for an import into a new database. Looked up by its whole key, each is one.

CREATE OR REPLACE FUNCTION public.update_closed(in_space uuid, of_channels uuid[]) RETURNS void
LANGUAGE plpgsql
-- A plan made while the tables are small would read all of them for each of a thousand new threads.
SET enable_seqscan = off
AS $function$
DECLARE
    each_channel uuid;
BEGIN
    PERFORM
    FROM public.channel_counters AS counter
    INNER JOIN public.channels AS channel
        ON channel.space_id = in_space AND channel.id = counter.channel_id
    WHERE counter.space_id = in_space AND counter.channel_id = ANY (of_channels)
    ORDER BY channel.level, channel.id
    FOR NO KEY UPDATE OF counter;

    FOREACH each_channel IN ARRAY of_channels LOOP
        UPDATE public.channel_counters AS counter
        SET closed = state.closed, last_change = counter.last_change + 1
        FROM (
            SELECT
                channel.kind = 'category'
                OR channel.deleted_at IS NOT NULL
                OR channel.archived_at IS NOT NULL
                OR channel.kind = 'thread' AND EXISTS (
                    SELECT
                    FROM public.channels AS parent
                    WHERE
                        parent.space_id = in_space
                        AND parent.id = channel.parent_id
                        AND parent.deleted_at IS NOT NULL
                )
                OR EXISTS (
                    SELECT
                    FROM public.servers
                    WHERE space_id = in_space AND deleted_at IS NOT NULL
                ) AS closed
            FROM public.channels AS channel
            WHERE channel.space_id = in_space AND channel.id = each_channel
        ) AS state
        WHERE
            counter.space_id = in_space
            AND counter.channel_id = each_channel
            -- A parent of many new threads is moved by the first of a transaction alone.
            AND (counter.closed <> state.closed OR counter.xmin <> pg_current_xact_id()::xid);
    END LOOP;
END
$function$;

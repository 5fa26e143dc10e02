-- The lowest number of a channel is looked for from the one before on, below which there is none. From
-- the beginning of the channel each batch of a purge would pass again all that those before it have
-- deleted and VACUUM has not yet taken away, which it cannot while an older snapshot is held.

CREATE OR REPLACE FUNCTION public.move_first_seq() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    place record;
    lowest bigint;
BEGIN
    FOR place IN
        SELECT space_id, channel_id, array_agg(seq) AS seqs
        FROM deleted
        GROUP BY space_id, channel_id
        ORDER BY channel_id
    LOOP
        IF EXISTS (
            SELECT
            FROM public.servers
            WHERE space_id = place.space_id AND legal_hold_at IS NOT NULL
        ) THEN
            PERFORM public.refuse(
                format('server %s is under a legal hold, and nothing of it is purged', place.space_id),
                'Set the server''s legal_hold_at to NULL first.',
                TG_TABLE_NAME,
                'messages_legal_hold'
            );
        END IF;

        -- Locked before the messages are looked at, among which there may be one that just came.
        PERFORM
        FROM public.channel_counters
        WHERE space_id = place.space_id AND channel_id = place.channel_id
        FOR NO KEY UPDATE;

        UPDATE public.channel_counters AS counter
        SET
            first_seq = coalesce(
                (
                    SELECT min(message.seq)
                    FROM public.messages AS message
                    WHERE
                        message.space_id = place.space_id
                        AND message.channel_id = place.channel_id
                        AND message.seq >= counter.first_seq
                ),
                last_seq + 1
            ),
            ranges_upto = greatest(
                ranges_upto, (SELECT max(purged.seq) FROM unnest(place.seqs) AS purged (seq))
            )
        WHERE counter.space_id = place.space_id AND counter.channel_id = place.channel_id
        RETURNING counter.first_seq INTO lowest;

        DELETE FROM public.read_ranges
        WHERE
            space_id = place.space_id AND channel_id = place.channel_id AND last_seq < lowest;

        -- Neighbours have the same difference between their number and their place in the order.
        INSERT INTO public.read_ranges (space_id, channel_id, first_seq, last_seq, reason)
        SELECT place.space_id, place.channel_id, min(purged.seq), max(purged.seq), 'purge'
        FROM (
            SELECT seq, seq - row_number() OVER (ORDER BY seq) AS difference
            FROM unnest(place.seqs) AS seq
            WHERE seq > lowest
        ) AS purged
        GROUP BY purged.difference;
    END LOOP;
    RETURN NULL;
END
$function$;

-- How long an author still has to wait in a channel with slow mode; zero when the message may go.
--
-- Two sends of one author at once must not both find that enough time has passed. So the channel's
-- row is locked here, which the numbering of the message would lock a moment later. A statement
-- sees what was committed when it began; VOLATILE makes each query in here see what was committed
-- before that query, and so the message for which the lock was waited.
CREATE FUNCTION public.slow_mode_wait(of_author uuid, in_server uuid, in_channel uuid)
RETURNS interval
LANGUAGE plpgsql
VOLATILE
AS $function$
DECLARE
    gap interval;
    last_sent_at timestamptz;
BEGIN
    SELECT make_interval(secs => slowmode_seconds) INTO gap
    FROM public.channels
    WHERE server_id = in_server AND id = in_channel
    FOR NO KEY UPDATE;

    SELECT created_at INTO last_sent_at
    FROM public.messages
    WHERE server_id = in_server AND channel_id = in_channel AND author_id = of_author
    ORDER BY seq DESC
    LIMIT 1;

    RETURN greatest(
        coalesce(last_sent_at + gap - clock_timestamp(), interval '0'), interval '0'
    );
END
$function$;

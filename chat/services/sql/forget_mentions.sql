-- Takes away who is no longer named. Who still is keeps the row, and with it the place in the inbox.
WITH gone AS (
    DELETE FROM public.mentions AS mention
    WHERE
        mention.server_id = %(server)s
        AND mention.channel_id = %(channel)s
        AND mention.seq = %(seq)s
        AND NOT (
            CASE
                WHEN mention.user_id IS NOT NULL
                    THEN mention.user_id = ANY (%(users)s::uuid[])
                WHEN mention.role_id IS NOT NULL
                    THEN mention.role_id = ANY (%(roles)s::uuid[])
                ELSE %(everyone)s
            END
        )
    RETURNING mention.seq
)

SELECT count(*)
FROM gone;

-- Refuses the row whose writer lost the permission while the statement waited for the channel's lock.
-- Other statements include it.
CASE
    WHEN clock_timestamp() > statement_timestamp() + interval '5 milliseconds'
        THEN public.require_permissions(author_id, space_id, channel_id, %(needed)s)
END

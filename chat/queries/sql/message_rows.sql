-- spaces on a cluster: SELECT DISTINCT unnest(%(spaces)s::uuid[])
-- Messages by the ids of their spaces and their own; the caller has checked who may read them.
WITH message AS (
    SELECT found.*
    FROM unnest(%(spaces)s::uuid[], %(ids)s::uuid[]) AS wanted (space_id, id)
    CROSS JOIN LATERAL (
        SELECT *
        FROM public.messages
        WHERE space_id = wanted.space_id AND messages.id = wanted.id
        -- on a cluster: AND wanted.space_id = %(space)s
        OFFSET 0
    ) AS found
)
-- include: message_columns.sql
;

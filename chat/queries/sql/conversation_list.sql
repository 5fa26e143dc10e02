-- The conversations of one user, the one with the newest message first. OFFSET 0 keeps the planner
-- from reading all conversations of everybody, and from asking several times what is known. A deleted
-- conversation is closed, so of those that are open and have messages only the listed ones are looked up
-- in `channels`.
-- spaces on a cluster: SELECT own.space_id FROM public.participants AS own
-- spaces on a cluster: INNER JOIN public.channel_counters AS counter
-- spaces on a cluster: ON counter.space_id = own.space_id AND counter.channel_id = own.space_id
-- spaces on a cluster: INNER JOIN public.channels AS opened
-- spaces on a cluster: ON opened.space_id = own.space_id AND opened.id = own.space_id
-- spaces on a cluster: WHERE own.user_id = %(user)s AND own.left_at IS NULL
-- spaces on a cluster: AND opened.deleted_at IS NULL
-- spaces on a cluster: AND (coalesce(counter.last_message_at, opened.created_at), own.space_id)
-- spaces on a cluster: < (%(before_at)s, %(before_id)s)
-- spaces on a cluster: ORDER BY coalesce(counter.last_message_at, opened.created_at) DESC,
-- spaces on a cluster: own.space_id DESC LIMIT %(limit)s
SELECT
    entry.id,
    entry.kind,
    entry.name,
    entry.owner_id,
    entry.active_at,
    entry.last_seq,
    entry.last_read_seq,
    CASE WHEN entry.last_seq > entry.read_upto THEN
        entry.last_seq - entry.read_upto - CASE WHEN entry.known IS NULL THEN 0 ELSE (
            SELECT sum(upper(part) - lower(part))::bigint
            FROM unnest(entry.known) AS part
        ) END - (
            SELECT count(*)
            FROM public.messages AS deleted
            WHERE
                deleted.space_id = entry.id
                AND deleted.channel_id = entry.id
                AND deleted.seq > entry.read_upto
                AND deleted.deleted_at IS NOT NULL
                AND (entry.known @> deleted.seq) IS NOT TRUE
        )
    ELSE 0 END AS unread,
    entry.muted_until,
    (
        SELECT
            json_agg(
                json_build_array(
                    person.id,
                    coalesce(nullif(person.display_name, ''), person.username),
                    person.avatar_key,
                    person.kind
                )
                ORDER BY other.joined_at, other.id
            )
        FROM public.participants AS other
        INNER JOIN public.users AS person ON person.id = other.user_id
        WHERE
            other.space_id = entry.id
            AND other.user_id <> %(user)s
            AND other.left_at IS NULL
    ) AS others,
    newest.author_id,
    newest.excerpt
FROM (
    SELECT
        marked.*,
        CASE WHEN marked.ranges_upto > marked.read_upto THEN (
            -- include: known_numbers.sql
        ) END AS known
    FROM (
        SELECT
            listed.*,
            conversation.*,
            listed.id AS channel_id,
            NULL::uuid AS parent_id,
            coalesce(mark.last_read_seq, 0) AS last_read_seq,
            greatest(mark.last_read_seq, listed.first_seq - 1) AS read_upto,
            mark.ranges_upto AS mark_ranges_upto,
            mark.muted_until
        FROM (
            SELECT
                own.space_id AS id,
                coalesce(counter.last_message_at, opened.created_at) AS active_at,
                counter.first_seq,
                counter.last_seq,
                counter.ranges_upto
            FROM public.participants AS own
            CROSS JOIN LATERAL (
                SELECT closed, last_message_at, first_seq, last_seq, ranges_upto
                FROM public.channel_counters
                WHERE space_id = own.space_id AND channel_id = own.space_id
                OFFSET 0
            ) AS counter
            LEFT JOIN LATERAL (
                SELECT created_at, deleted_at
                FROM public.channels
                WHERE
                    space_id = own.space_id
                    AND id = own.space_id
                    AND (counter.closed OR counter.last_message_at IS NULL)
                OFFSET 0
            ) AS opened ON TRUE
            WHERE
                own.user_id = %(user)s
                AND own.left_at IS NULL
                AND opened.deleted_at IS NULL
                AND (coalesce(counter.last_message_at, opened.created_at), own.space_id)
                < (%(before_at)s, %(before_id)s)
            ORDER BY active_at DESC, own.space_id DESC
            LIMIT %(limit)s
        ) AS listed
        CROSS JOIN LATERAL (
            SELECT kind, name, owner_id
            FROM public.channels
            WHERE space_id = listed.id AND id = listed.id
            OFFSET 0
        ) AS conversation
        LEFT JOIN public.read_states AS mark
            ON
                mark.space_id = listed.id
                AND mark.user_id = %(user)s
                AND mark.channel_id = listed.id
        OFFSET 0
    ) AS marked
    -- Nobody has a role in a conversation.
    CROSS JOIN LATERAL (SELECT marked.id AS space_id, NULL::uuid[] AS role_ids) AS member
    OFFSET 0
) AS entry
LEFT JOIN LATERAL (
    SELECT
        message.author_id,
        CASE WHEN message.deleted_at IS NULL THEN left(message.content, 100) END AS excerpt
    FROM public.messages AS message
    WHERE
        message.space_id = entry.id
        AND message.channel_id = entry.id
        AND message.seq = entry.last_seq
    OFFSET 0
) AS newest ON TRUE
ORDER BY entry.active_at DESC, entry.id DESC;

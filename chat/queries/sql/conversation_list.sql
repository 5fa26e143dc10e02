-- The conversations of one user, the one with the newest message first.
SELECT
    place.id,
    place.kind,
    place.name,
    place.owner_id,
    place.active_at,
    place.last_seq,
    place.last_read_seq,
    CASE WHEN place.last_seq > place.last_read_seq THEN
        place.last_seq - place.last_read_seq - (
            SELECT count(*)
            FROM public.direct_messages AS deleted
            WHERE
                deleted.conversation_id = place.id
                AND deleted.seq > place.last_read_seq
                AND deleted.deleted_at IS NOT NULL
        )
    ELSE 0 END AS unread,
    place.muted_until,
    (
        SELECT
            json_agg(
                json_build_array(
                    person.id,
                    coalesce(nullif(person.display_name, ''), person.username),
                    person.avatar_key,
                    person.kind
                )
                ORDER BY other.created_at, other.id
            )
        FROM public.direct_participants AS other
        INNER JOIN public.users AS person ON person.id = other.user_id
        WHERE
            other.conversation_id = place.id
            AND other.user_id <> %(user)s
            AND other.left_at IS NULL
    ) AS others,
    newest.author_id,
    newest.excerpt
FROM (
    SELECT
        conversation.id,
        conversation.kind,
        conversation.name,
        conversation.owner_id,
        coalesce(conversation.last_message_at, conversation.created_at) AS active_at,
        conversation.last_seq,
        participant.last_read_seq,
        participant.muted_until
    FROM public.direct_participants AS participant
    CROSS JOIN LATERAL (
        SELECT id, kind, name, owner_id, last_seq, last_message_at, created_at
        FROM public.direct_conversations
        WHERE id = participant.conversation_id
        OFFSET 0
    ) AS conversation
    WHERE
        participant.user_id = %(user)s
        AND participant.left_at IS NULL
        AND (coalesce(conversation.last_message_at, conversation.created_at), conversation.id)
        < (%(before_at)s, %(before_id)s)
    ORDER BY active_at DESC, conversation.id DESC
    LIMIT %(limit)s
) AS place
LEFT JOIN LATERAL (
    SELECT
        message.author_id,
        CASE WHEN message.deleted_at IS NULL THEN left(message.content, 100) END AS excerpt
    FROM public.direct_messages AS message
    WHERE message.conversation_id = place.id AND message.seq = place.last_seq
    OFFSET 0
) AS newest ON TRUE
ORDER BY place.active_at DESC, place.id DESC;

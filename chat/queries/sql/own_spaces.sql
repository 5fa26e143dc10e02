-- The servers of a user and, if asked, their conversations, one page of them by id: no more of either
-- are looked at. What is deleted is among them; it has no channels, and is not looked up here.
SELECT space_id
FROM (
    (
        SELECT space_id
        FROM public.server_members
        WHERE user_id = %(user)s AND space_id > %(after)s
        ORDER BY space_id
        LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT space_id
        FROM public.participants
        WHERE
            user_id = %(user)s
            AND left_at IS NULL
            AND space_id > %(after)s
            AND %(has_conversations)s
        ORDER BY space_id
        LIMIT %(limit)s
    )
) AS own
ORDER BY space_id
LIMIT %(limit)s;

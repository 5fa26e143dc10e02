-- A group whose owner never took part in it goes on under whoever has been in it the longest, as when
-- an owner leaves, or under nobody.

LOCK TABLE public.channels, public.participants IN SHARE ROW EXCLUSIVE MODE;

UPDATE public.channels AS conversation
SET owner_id = (
    SELECT heir.user_id
    FROM public.participants AS heir
    WHERE heir.space_id = conversation.space_id AND heir.left_at IS NULL
    ORDER BY heir.joined_at, heir.user_id
    LIMIT 1
)
WHERE
    conversation.owner_id IS NOT NULL
    AND NOT EXISTS (
        SELECT
        FROM public.participants AS own
        WHERE own.space_id = conversation.space_id AND own.user_id = conversation.owner_id
    );

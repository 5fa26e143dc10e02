-- Puts an emoji under a message that the transaction has locked: how many different ones were there,
-- whether this was one of them, and whether the row is new.
WITH under AS (
    SELECT
        count(DISTINCT reaction.emoji) AS kinds,
        coalesce(bool_or(reaction.emoji = %(emoji)s), false) AS is_there
    FROM public.reactions AS reaction
    WHERE
        reaction.space_id = %(space)s
        AND (
            reaction.message_id = %(message)s::uuid
            OR reaction.direct_message_id = %(direct_message)s::uuid
        )
),

added AS (
    INSERT INTO public.reactions (space_id, message_id, direct_message_id, emoji, user_id)
    SELECT %(space)s, %(message)s, %(direct_message)s, %(emoji)s, %(user)s
    FROM under
    WHERE under.is_there OR (%(may_begin)s AND under.kinds < %(limit)s)
    ON CONFLICT DO NOTHING
    RETURNING id
)

SELECT under.kinds, under.is_there, EXISTS (SELECT FROM added)
FROM under;

-- Adds a reaction, and returns whether anybody had reacted with the emoji, and whether the row is
-- new.
WITH under AS (
    SELECT
        EXISTS (
            SELECT
            FROM public.reactions
            WHERE space_id = %(space)s AND message_id = %(message)s AND emoji = %(emoji)s
        ) AS was_there
),

added AS (
    INSERT INTO public.reactions (space_id, message_id, emoji, user_id)
    SELECT %(space)s, %(message)s, %(emoji)s, %(user)s
    FROM under
    WHERE under.was_there OR %(may_begin)s
    ON CONFLICT (space_id, message_id, emoji, user_id) DO NOTHING
    RETURNING id
)

SELECT under.was_there, EXISTS (SELECT FROM added)
FROM under;

-- The servers and conversations of one user from one to another, in the columns of own_servers.sql. In
-- a conversation nobody has a role, and `base` is NULL. Other statements include it as `member`.
-- include: own_servers.sql
UNION ALL
SELECT space_id, NULL, NULL, NULL, NULL, NULL
FROM public.participants
WHERE
    user_id = %(user)s
    AND left_at IS NULL
    AND space_id BETWEEN %(first_space)s AND %(last_space)s

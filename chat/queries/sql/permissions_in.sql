-- What one user may do in one channel; no row for nothing.
SELECT access.permissions
FROM public.channel_access AS access
WHERE
    access.user_id = %(user)s
    AND access.server_id = (SELECT server_id FROM public.channels WHERE id = %(channel)s)
    AND access.channel_id = %(channel)s;

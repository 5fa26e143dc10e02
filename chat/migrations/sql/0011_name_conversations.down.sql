-- Drops what the way up creates; nothing is stored in it.

DROP VIEW public.direct_messages;
DROP VIEW public.direct_conversations;

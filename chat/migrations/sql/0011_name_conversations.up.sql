-- Conversations and their messages under the names and with the columns that they once had as tables
-- of their own, for people who know the schema by these. To read: both are channels and messages.

CREATE VIEW public.direct_conversations
WITH (security_invoker = true)
AS
SELECT
    channel.id,
    channel.created_at,
    channel.updated_at,
    channel.kind,
    channel.pair_low_id,
    channel.pair_high_id,
    channel.name,
    channel.owner_id,
    counter.last_seq,
    counter.last_message_at
FROM public.channels AS channel
INNER JOIN public.channel_counters AS counter
    ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
WHERE channel.kind IN ('pair', 'group');

COMMENT ON VIEW public.direct_conversations IS 'The channels that are conversations.';

CREATE VIEW public.direct_messages
WITH (security_invoker = true)
AS
SELECT
    id,
    created_at,
    updated_at,
    seq,
    author_id,
    kind,
    content,
    reply_to_seq,
    version,
    edited_at,
    pinned_at,
    pinned_by_id,
    deleted_at,
    deleted_by_id,
    search,
    channel_id AS conversation_id
FROM public.messages
WHERE space_id = channel_id;

COMMENT ON VIEW public.direct_messages IS 'The messages of conversations.';

-- The words are generated from the content as before, which writes every row anew and builds the
-- index. The view names the column, so it is made anew as well; run roles.sql again, which gives the
-- rights to both.

DROP TRIGGER messages_updated_at ON public.messages;
CREATE TRIGGER messages_updated_at
    BEFORE UPDATE ON public.messages
    FOR EACH ROW
    EXECUTE FUNCTION public.set_updated_at();

ALTER TABLE public.messages ALTER COLUMN space_id RESET (n_distinct);

DROP TRIGGER messages_search ON public.messages;
DROP FUNCTION public.set_search();

DROP VIEW public.direct_messages;
ALTER TABLE public.messages
    DROP COLUMN search,
    ADD COLUMN search tsvector
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, coalesce(content, ''))) STORED;
COMMENT ON COLUMN public.messages.search IS 'The words of the content.';
CREATE INDEX messages_search_ix ON public.messages
USING gin (space_id, search)
WITH (gin_pending_list_limit = 4096)
WHERE deleted_at IS NULL;

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

DROP FUNCTION public.search_query(text, boolean);
DROP FUNCTION public.search_vector(text);
DROP FUNCTION public.search_vector_of_words(text[]);
DROP FUNCTION public.search_words(text);
DROP FUNCTION public.search_fold(text);
DROP FUNCTION public.search_characters(text);

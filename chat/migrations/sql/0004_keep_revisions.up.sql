-- Keeps what an edit replaces, so that no client can change a message without a trace.

CREATE FUNCTION public.keep_message_revision() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    -- Version and time of an edit are ours: a client that only writes them changes nothing.
    NEW.version := OLD.version;
    NEW.edited_at := OLD.edited_at;
    IF NEW.content IS DISTINCT FROM OLD.content THEN
        INSERT INTO public.message_revisions (
            space_id, message_id, version, content, editor_id, replaced_at
        )
        VALUES (
            OLD.server_id,
            OLD.id,
            OLD.version,
            OLD.content,
            coalesce(nullif(current_setting('chat.actor', true), '')::uuid, OLD.author_id),
            clock_timestamp()
        );
        NEW.version := OLD.version + 1;
        NEW.edited_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER messages_revision
    BEFORE UPDATE OF content, version, edited_at ON public.messages
    FOR EACH ROW
    WHEN (
        (OLD.content, OLD.version, OLD.edited_at)
        IS DISTINCT FROM (NEW.content, NEW.version, NEW.edited_at)
    )
    EXECUTE FUNCTION public.keep_message_revision();

CREATE FUNCTION public.keep_direct_message_revision() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.version := OLD.version;
    NEW.edited_at := OLD.edited_at;
    IF NEW.content IS DISTINCT FROM OLD.content THEN
        INSERT INTO public.message_revisions (
            space_id, direct_message_id, version, content, editor_id, replaced_at
        )
        VALUES (
            OLD.conversation_id,
            OLD.id,
            OLD.version,
            OLD.content,
            coalesce(nullif(current_setting('chat.actor', true), '')::uuid, OLD.author_id),
            clock_timestamp()
        );
        NEW.version := OLD.version + 1;
        NEW.edited_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER direct_messages_revision
    BEFORE UPDATE OF content, version, edited_at ON public.direct_messages
    FOR EACH ROW
    WHEN (
        (OLD.content, OLD.version, OLD.edited_at)
        IS DISTINCT FROM (NEW.content, NEW.version, NEW.edited_at)
    )
    EXECUTE FUNCTION public.keep_direct_message_revision();

-- Writes down the key of each file whose row goes or names another, in the same transaction: by a
-- service, a cascade, a purge or by hand. Whoever empties the file store then has no need of the
-- answer of the statement that let the row go.
--
-- A row without a key has no file. A key that was used again and is given up again waits already.

CREATE TRIGGER discarded_files_fixed
    BEFORE UPDATE ON public.discarded_files
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change(
        'a discarded file waits as it is', 'Delete the row when the file is gone.'
    );

-- Attachments ------------------------------------------------------------------------------------

-- Once for each statement: an erasure lets thousands go at once.
CREATE FUNCTION public.discard_attachments() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    gone record;
BEGIN
    -- Space by space, since a cluster joins no transition table.
    FOR gone IN
        SELECT space_id, array_agg(storage_key) AS storage_keys
        FROM deleted
        WHERE storage_key <> ''
        GROUP BY space_id
        ORDER BY space_id
    LOOP
        INSERT INTO public.discarded_files (space_id, storage_key)
        SELECT gone.space_id, storage_key
        FROM unnest(gone.storage_keys) AS storage_key
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER message_attachments_discarded
    AFTER DELETE ON public.message_attachments
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.discard_attachments();

CREATE TRIGGER message_attachments_table_kept
    BEFORE TRUNCATE ON public.message_attachments
    FOR EACH STATEMENT
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'the keys of all files would be lost', 'DELETE keeps them in discarded_files.'
    );

-- One key ----------------------------------------------------------------------------------------

-- The arguments of the trigger are the column that says whose the file was, and that of its key.
CREATE FUNCTION public.discard_file() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO public.discarded_files (space_id, storage_key)
    VALUES ((to_jsonb(OLD) ->> TG_ARGV[0])::uuid, to_jsonb(OLD) ->> TG_ARGV[1])
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

CREATE TRIGGER message_attachments_key_replaced
    AFTER UPDATE OF storage_key ON public.message_attachments
    FOR EACH ROW
    WHEN (OLD.storage_key <> '' AND OLD.storage_key IS DISTINCT FROM NEW.storage_key)
    EXECUTE FUNCTION public.discard_file('space_id', 'storage_key');

CREATE TRIGGER users_avatar_replaced
    AFTER UPDATE OF avatar_key ON public.users
    FOR EACH ROW
    WHEN (OLD.avatar_key <> '' AND OLD.avatar_key IS DISTINCT FROM NEW.avatar_key)
    EXECUTE FUNCTION public.discard_file('id', 'avatar_key');

CREATE TRIGGER users_avatar_discarded
    AFTER DELETE ON public.users
    FOR EACH ROW
    WHEN (OLD.avatar_key <> '')
    EXECUTE FUNCTION public.discard_file('id', 'avatar_key');

CREATE TRIGGER servers_icon_replaced
    AFTER UPDATE OF icon_key ON public.servers
    FOR EACH ROW
    WHEN (OLD.icon_key <> '' AND OLD.icon_key IS DISTINCT FROM NEW.icon_key)
    EXECUTE FUNCTION public.discard_file('id', 'icon_key');

CREATE TRIGGER servers_icon_discarded
    AFTER DELETE ON public.servers
    FOR EACH ROW
    WHEN (OLD.icon_key <> '')
    EXECUTE FUNCTION public.discard_file('id', 'icon_key');

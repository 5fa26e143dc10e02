-- Puts back the function that asks the view, and the trigger that does not wait.

CREATE OR REPLACE FUNCTION public.channel_permissions(of_user uuid, in_channel uuid) RETURNS bigint
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $function$
BEGIN
    RETURN coalesce(
        (
            SELECT access.permissions
            FROM public.channel_access AS access
            WHERE
                access.user_id = of_user
                AND access.server_id = (
                    SELECT channel.server_id
                    FROM public.channels AS channel
                    WHERE channel.id = in_channel
                )
                AND access.channel_id = in_channel
        ),
        0
    );
END
$function$;

CREATE OR REPLACE TRIGGER direct_messages_author_not_erased
    AFTER INSERT ON public.direct_messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_author();

DROP FUNCTION public.refuse_erased_direct_author();

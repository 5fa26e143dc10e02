-- A per cent sign, a dollar-quoted body with semicolons, and two statements.
CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.content := format('%s!', NEW.content);
    RETURN NEW;
END
$body$;

CREATE TRIGGER shout
    BEFORE UPDATE ON public.two_steps_messages
    FOR EACH ROW
    WHEN (NEW.content LIKE '%loud%')
    EXECUTE FUNCTION public.shout();

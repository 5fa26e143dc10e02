-- Both directions in one file; what looks like a marker in the body is none.

--up
CREATE TABLE public.shelves (id bigint PRIMARY KEY, label text NOT NULL DEFAULT '-- DOWN');

CREATE FUNCTION public.label_shelf() RETURNS trigger
LANGUAGE plpgsql
AS $body$
BEGIN
    -- DOWN
    NEW.label := format('%s;', NEW.label);
    RETURN NEW;
END
$body$;

CREATE TRIGGER label_shelf
    BEFORE INSERT ON public.shelves
    FOR EACH ROW
    EXECUTE FUNCTION public.label_shelf();

  -- Down
DROP TABLE public.shelves;
DROP FUNCTION public.label_shelf();

-- Every row is numbered by its trigger again.

CREATE OR REPLACE TRIGGER direct_messages_number
    BEFORE INSERT ON public.direct_messages
    FOR EACH ROW
    EXECUTE FUNCTION public.number_direct_message();

CREATE OR REPLACE TRIGGER messages_number
    BEFORE INSERT ON public.messages
    FOR EACH ROW
    EXECUTE FUNCTION public.number_message();

DROP TRIGGER direct_messages_booked ON public.direct_messages;
DROP FUNCTION public.book_direct_messages();
DROP TRIGGER messages_booked ON public.messages;
DROP FUNCTION public.book_messages();

-- Messages keep the numbers they have; new ones are no longer numbered.

DROP TRIGGER direct_messages_booked ON public.direct_messages;
DROP FUNCTION public.book_direct_messages();
DROP TRIGGER messages_booked ON public.messages;
DROP FUNCTION public.book_messages();

DROP TRIGGER direct_messages_table_kept ON public.direct_messages;
DROP TRIGGER messages_table_kept ON public.messages;
DROP TRIGGER direct_messages_place_kept ON public.direct_messages;
DROP TRIGGER messages_place_kept ON public.messages;
DROP TRIGGER direct_messages_place_fixed ON public.direct_messages;
DROP TRIGGER messages_place_fixed ON public.messages;
DROP TRIGGER direct_conversations_counter_kept ON public.direct_conversations;
DROP TRIGGER direct_conversations_counter_starts ON public.direct_conversations;
DROP TRIGGER channels_counter_kept ON public.channels;
DROP TRIGGER channels_counter_starts ON public.channels;
DROP FUNCTION public.keep_message_counter();
DROP TRIGGER direct_messages_number ON public.direct_messages;
DROP FUNCTION public.number_direct_message();
DROP TRIGGER messages_number ON public.messages;
DROP FUNCTION public.number_message();
DROP FUNCTION public.refuse_change();
ALTER TABLE public.direct_conversations RESET (fillfactor);
ALTER TABLE public.channels RESET (fillfactor);

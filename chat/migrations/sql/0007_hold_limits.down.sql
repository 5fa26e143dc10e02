-- Takes the limits away again; the rows stay as they are.

DROP TRIGGER participants_limit_returned ON public.participants;
DROP FUNCTION public.limit_returned_participant();
DROP TRIGGER participants_limit_new ON public.participants;
DROP FUNCTION public.limit_new_participants();
DROP FUNCTION public.hold_group_limit(uuid);
DROP TRIGGER reactions_emoji_limit_imported ON public.reactions;
DROP FUNCTION public.limit_imported_emoji();
DROP TRIGGER reactions_emoji_limit_changed ON public.reactions;
DROP TRIGGER reactions_emoji_limit_new ON public.reactions;
DROP FUNCTION public.limit_emoji();
DROP TRIGGER reactions_emoji_form ON public.reactions;
DROP TRIGGER messages_pin_limit_changed ON public.messages;
DROP TRIGGER messages_pin_limit_new ON public.messages;
DROP FUNCTION public.limit_pins();
DROP TRIGGER channels_limit_changed ON public.channels;
DROP FUNCTION public.limit_changed_channel();
DROP TRIGGER channels_limit_new ON public.channels;
DROP FUNCTION public.limit_new_channels();
DROP FUNCTION public.hold_channel_limit(uuid, boolean);
DROP FUNCTION public.refuse_over_limit(bigint, integer, text, text, text);

ALTER TABLE public.reactions ALTER COLUMN message_id RESET (n_distinct);

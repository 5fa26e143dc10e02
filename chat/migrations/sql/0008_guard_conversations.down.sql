-- Takes the guards away again; the rows stay as they are.

DROP TRIGGER message_attachments_participant ON public.message_attachments;
DROP TRIGGER reactions_participant ON public.reactions;
DROP FUNCTION public.refuse_stranger();
DROP TRIGGER direct_conversations_kind_fixed ON public.direct_conversations;
DROP TRIGGER direct_participants_pair ON public.direct_participants;
DROP FUNCTION public.refuse_third_in_pair();

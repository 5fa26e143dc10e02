-- Messages keep the numbers they have, and channels their counters; new ones get none.

DROP TRIGGER servers_legal_hold ON public.servers;
DROP TRIGGER messages_all_purged ON public.messages;
DROP FUNCTION public.move_every_first_seq();
DROP TRIGGER messages_purged ON public.messages;
DROP FUNCTION public.move_first_seq();
DROP TRIGGER "A0_replies_cut" ON public.messages;
DROP FUNCTION public.cut_replies();
DROP TRIGGER messages_table_kept ON public.messages;
DROP TRIGGER messages_place_kept ON public.messages;
DROP TRIGGER messages_place_fixed ON public.messages;
DROP TRIGGER messages_counted ON public.messages;
DROP FUNCTION public.count_imported_messages();
DROP TRIGGER participants_left ON public.participants;
DROP FUNCTION public.meet_sends();
DROP TRIGGER messages_number ON public.messages;
DROP FUNCTION public.number_message();
DROP TRIGGER channel_counters_no_gap ON public.channel_counters;
DROP FUNCTION public.refuse_gap();
DROP TRIGGER channel_counters_place_fixed ON public.channel_counters;
DROP TRIGGER channel_counters_kept ON public.channel_counters;
DROP TRIGGER servers_closed ON public.servers;
DROP FUNCTION public.close_server();
DROP TRIGGER channels_open_changed ON public.channels;
DROP TRIGGER channels_counter_made ON public.channels;
DROP FUNCTION public.keep_channel_counter();
DROP FUNCTION public.update_closed(uuid, uuid[]);
DROP FUNCTION public.require_read_committed(text);
DROP FUNCTION public.may_purge();
DROP FUNCTION public.refuse_change();
DROP FUNCTION public.refuse(text, text, text, text, text);

ALTER TABLE public.channel_counters RESET (fillfactor);

-- Takes the guards away again; the marks stay where they are.

DROP TRIGGER direct_participants_mark_moves ON public.direct_participants;
DROP TRIGGER direct_participants_mark_starts ON public.direct_participants;
DROP TRIGGER read_states_mark_moves ON public.read_states;
DROP TRIGGER read_states_mark_starts ON public.read_states;
DROP FUNCTION public.guard_read_mark();

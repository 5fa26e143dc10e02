-- A connection keeps its plans until the next ANALYZE. Made while the tables were empty, they read all
-- messages at each send: a bare INSERT took 4 ms after 5,000 messages, and 0.8 by the key.
ALTER FUNCTION public.cut_replies() SET enable_seqscan = off;
ALTER FUNCTION public.limit_emoji() SET enable_seqscan = off;
ALTER FUNCTION public.limit_pins() SET enable_seqscan = off;
ALTER FUNCTION public.mark_own_message() SET enable_seqscan = off;
ALTER FUNCTION public.number_message() SET enable_seqscan = off;
ALTER FUNCTION public.refuse_gap() SET enable_seqscan = off;
ALTER FUNCTION public.refuse_of_held() SET enable_seqscan = off;

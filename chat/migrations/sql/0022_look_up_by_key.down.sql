ALTER FUNCTION public.refuse_of_held() RESET enable_seqscan;
ALTER FUNCTION public.refuse_gap() RESET enable_seqscan;
ALTER FUNCTION public.number_message() RESET enable_seqscan;
ALTER FUNCTION public.mark_own_message() RESET enable_seqscan;
ALTER FUNCTION public.limit_pins() RESET enable_seqscan;
ALTER FUNCTION public.limit_emoji() RESET enable_seqscan;
ALTER FUNCTION public.cut_replies() RESET enable_seqscan;

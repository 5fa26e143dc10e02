-- The trigger first: it needs the function.
DROP TRIGGER shout ON public.two_steps_messages;
DROP FUNCTION public.shout();

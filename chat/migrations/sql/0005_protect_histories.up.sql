-- Keeps the two histories from being rewritten: what moderators did, and what an edit replaced.

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE ON public.audit_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change('the audit log is only ever added to');

CREATE TRIGGER audit_log_table_kept
    BEFORE TRUNCATE ON public.audit_log
    FOR EACH STATEMENT
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change('the audit log is only ever added to');

-- Depth 1 is the trigger that an edit fires.
CREATE TRIGGER message_revisions_by_edit
    BEFORE INSERT ON public.message_revisions
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_change(
        'a revision is written by the edit itself', 'Update the content of the message.'
    );

CREATE TRIGGER message_revisions_fixed
    BEFORE UPDATE ON public.message_revisions
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change('what an edit replaced is never rewritten');

-- Depth 1 is the cascade from a message that is purged.
CREATE TRIGGER message_revisions_kept
    BEFORE DELETE ON public.message_revisions
    FOR EACH ROW
    WHEN (
        pg_trigger_depth() = 0
        AND current_setting('chat.purge', true) IS DISTINCT FROM 'on'
    )
    EXECUTE FUNCTION public.refuse_change(
        'what an edit replaced is kept',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

CREATE TRIGGER message_revisions_table_kept
    BEFORE TRUNCATE ON public.message_revisions
    FOR EACH STATEMENT
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change(
        'what an edit replaced is kept',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

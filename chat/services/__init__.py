"""Writes: one public function is one use case and one transaction.

Every function takes keyword arguments alone, and for each row either the model or its UUID. It
checks what the actor may do, raises a `chat.errors.ChatError` that says what is wrong, and writes
nothing when it raises.
"""

"""Writes: one public function is one use case and one transaction.

Every function takes keyword arguments alone, and for a person or a thing either the model or its
UUID. It checks what the actor may do, raises a `chat.errors.ChatError` that says what is wrong, and
leaves nothing behind when it raises.
"""

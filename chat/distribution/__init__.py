"""Spreads the tables over several machines with Citus, and back; checks what would prevent it.

Where each table belongs is said in chat.rules.distribution.
"""

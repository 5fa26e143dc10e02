"""Spreading the tables over several machines by Citus, and back; what would prevent it.

Where each table belongs is said in chat.rules.distribution.
"""

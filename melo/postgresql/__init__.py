"""The database backend: Django's for PostgreSQL, with what this project adds.

It starts the embedded server, says what is wrong with a connection, reads timestamps and json
faster, binds parameters on the server and sends no statement that would be cut off. It knows no
settings but those of its own connection.
"""

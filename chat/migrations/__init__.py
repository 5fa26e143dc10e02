"""The history of the schema. SQL stands in sql/, in pairs NAME.up.sql and NAME.down.sql."""

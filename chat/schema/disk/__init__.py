"""What is on disk: the migrations, their operations and checksums."""

"""What outlives the process: rows in a database, pictures in files beside it."""

"""JSON dialects and server-sent events: pure translations between bytes and the core's values."""

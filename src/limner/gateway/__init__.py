"""The impure loop of a response, and the supervision of what it needs."""

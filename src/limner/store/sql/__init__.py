"""The steps of the schema; `limner.store.migrate` applies them."""

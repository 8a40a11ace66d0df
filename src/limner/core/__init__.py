"""Values, rules and ports: pure, standard library only."""

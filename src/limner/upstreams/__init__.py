"""Language models as upstreams: one short module for each kind of server."""

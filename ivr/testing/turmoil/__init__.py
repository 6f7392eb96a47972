"""A whole contact centre in virtual time with faults injected: the product's own engine nodes on one store."""

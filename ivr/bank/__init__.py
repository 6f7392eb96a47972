"""The bank: what it knows of its customers, and the demonstration bank that is generated from a seed."""

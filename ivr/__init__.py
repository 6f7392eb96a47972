"""Everything that touches the world: calls, agents' desktops, Asterisk, the bank, settings, the command line."""

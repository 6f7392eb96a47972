"""The demonstration: a bank, a private Asterisk, agents in a real browser, and real calls, told step by step."""

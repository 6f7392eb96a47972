"""Who takes the call: needs, agents, offers and the decision. Pure: knows no phone, no database, no web."""

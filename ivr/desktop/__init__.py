"""The agents' desktop: a web page that shows the caller before the phone rings, and the server behind it."""

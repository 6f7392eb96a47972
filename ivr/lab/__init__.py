"""A telephone exchange to try things on: a private Asterisk, SIP robots that call and answer, an ear on the line."""

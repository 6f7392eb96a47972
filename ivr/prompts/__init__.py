"""From the words of a menu book to sound files that Asterisk plays. Runs when a book is published, never in a call."""

"""What the command line does, a file for each noun; `ivr/__main__.py` names the commands."""

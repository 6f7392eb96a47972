"""The top folder of the installed wheel: finds the application beside it and starts it."""

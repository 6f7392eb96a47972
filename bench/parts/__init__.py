"""What measurements are made of; nothing here is run by itself."""

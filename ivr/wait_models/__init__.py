"""Models of expected waits, fitted to a site's own history: how they are fitted, judged, kept and served."""

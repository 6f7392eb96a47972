"""What personal menus are worth in production: recorded calls → visits of menus → figures with their intervals."""

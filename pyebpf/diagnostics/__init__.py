"""Every message a user can get, as data."""

"""The user's side of what is loaded: maps, events, variables and faults as Python. Entry: `session.open_session`."""

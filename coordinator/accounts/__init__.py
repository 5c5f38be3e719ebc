"""Users, server-side sessions, organisations, and roles bound to an area or an organisation."""

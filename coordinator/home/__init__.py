"""Landing pages, navigation and display settings."""

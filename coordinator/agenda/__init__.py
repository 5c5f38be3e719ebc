"""When somebody goes where: reminders, telling people of changes by a button, calendar feeds."""

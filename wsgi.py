"""Entry point for a WSGI server: `gunicorn wsgi:app`. Settings come from the environment."""

import sys

from coordinator.app import create_app
from coordinator.config import SettingsError, load_settings

try:
    app = create_app(load_settings())
except SettingsError as problem:
    sys.exit(f"tanfang: {problem}")

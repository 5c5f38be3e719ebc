"""In-app messages and the outbox that carries them to other channels."""

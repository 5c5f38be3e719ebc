"""The import of workers, on the ground of `coordinator.elders.imports`."""

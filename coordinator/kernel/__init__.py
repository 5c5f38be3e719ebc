"""What every feature stands on: time, access, audit, encryption, errors, queue. Knows no feature."""

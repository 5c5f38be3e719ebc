"""What is done to accounts, one function per act. All flush and write the audit line; the door commits."""

from coordinator.accounts.services.sessions import (
    check_credentials,
    end_other_sessions,
    end_session,
    end_sessions,
)

__all__ = ["check_credentials", "end_other_sessions", "end_session", "end_sessions"]

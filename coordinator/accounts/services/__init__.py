"""What is done to accounts, one function per act. All flush and write the audit line; the door commits."""

from coordinator.accounts.services.factors import (
    confirm_second_factor,
    offer_second_factor,
    remove_second_factor,
    use_code,
)
from coordinator.accounts.services.organisations import create_organisation, update_organisation
from coordinator.accounts.services.roles import NewRole, grant_role, revoke_role
from coordinator.accounts.services.sessions import (
    check_credentials,
    end_other_sessions,
    end_session,
    end_sessions,
)
from coordinator.accounts.services.users import (
    change_password,
    check_own_password,
    close_own_account,
    create_user,
    disable_user,
    drop_one_time_password,
    enable_user,
    open_own_account,
    reset_password,
    set_password_by_code,
    update_user,
)

__all__ = [
    "NewRole",
    "change_password",
    "check_credentials",
    "check_own_password",
    "close_own_account",
    "confirm_second_factor",
    "create_organisation",
    "create_user",
    "disable_user",
    "drop_one_time_password",
    "enable_user",
    "end_other_sessions",
    "end_session",
    "end_sessions",
    "grant_role",
    "offer_second_factor",
    "open_own_account",
    "remove_second_factor",
    "reset_password",
    "revoke_role",
    "set_password_by_code",
    "update_organisation",
    "update_user",
    "use_code",
]

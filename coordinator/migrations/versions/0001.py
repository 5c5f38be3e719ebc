"""The domain schema."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


GUARDS = Path(__file__).parent.parent / "sql" / "0001_guards.sql"


def upgrade() -> None:
    op.create_table('areas',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('parent_id', sa.BigInteger(), nullable=True),
    sa.Column('level', sa.Enum('province', 'city', 'county', 'street', 'community', 'grid', name='arealevel_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('code', sa.String(length=20), nullable=True),
    sa.Column('path', sa.String(length=200), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=True),
    sa.Column('longitude', sa.Double(), nullable=True),
    sa.Column('policy_pack', sa.String(length=60), nullable=True),
    sa.Column('emergency_phone', sa.String(length=30), nullable=True),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.CheckConstraint("(parent_id IS NULL) = (level = 'province')", name=op.f('ck_areas_only_provinces_are_roots')),
    sa.CheckConstraint('(latitude IS NULL) = (longitude IS NULL)', name=op.f('ck_areas_coordinates_come_in_pairs')),
    sa.CheckConstraint('latitude BETWEEN 3 AND 54 AND longitude BETWEEN 73 AND 136', name=op.f('ck_areas_lies_in_china')),
    sa.ForeignKeyConstraint(['parent_id'], ['areas.id'], name=op.f('fk_areas_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_areas')),
    sa.UniqueConstraint('code', name=op.f('uq_areas_code')),
    sa.UniqueConstraint('path', name=op.f('uq_areas_path'))
    )
    op.create_index('ix_areas_path', 'areas', ['path'], unique=False, postgresql_ops={'path': 'text_pattern_ops'})
    op.create_index('uq_areas_parent_id_name', 'areas', ['parent_id', 'name'], unique=True)
    op.create_table('owed_jobs',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('queue', sa.String(length=20), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.Enum('owed', 'done', 'failed', name='owedstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('timeout_seconds', sa.BigInteger(), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('run_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('handed_over_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.CheckConstraint('attempts >= 0', name=op.f('ck_owed_jobs_attempts_not_negative')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_owed_jobs'))
    )
    op.create_index('ix_owed_jobs_state_run_after', 'owed_jobs', ['state', 'run_after'], unique=False)
    op.create_index('uq_owed_jobs_name_key', 'owed_jobs', ['name', 'key'], unique=True)
    op.create_table('policy_versions',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('pack', sa.String(length=60), nullable=False),
    sa.Column('version', sa.String(length=30), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('stored_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_policy_versions'))
    )
    op.create_index('uq_policy_versions_pack_sha256', 'policy_versions', ['pack', 'sha256'], unique=True)
    op.create_table('users',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('username', sa.String(length=60), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('password_hash', sa.String(length=200), nullable=False),
    sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('must_change_password', sa.Boolean(), nullable=False),
    sa.Column('phone', sa.LargeBinary(), nullable=True),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=True),
    sa.Column('email', sa.String(length=120), nullable=True),
    sa.Column('totp_secret', sa.LargeBinary(), nullable=True),
    sa.Column('totp_confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_last_step', sa.BigInteger(), nullable=True),
    sa.Column('recovery_codes', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('locale', sa.String(length=10), nullable=False),
    sa.Column('elder_mode', sa.Boolean(), nullable=False),
    sa.Column('elder_size', sa.SmallInteger(), nullable=False),
    sa.Column('last_sign_in_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('elder_size IN (18, 20, 24, 30)', name=op.f('ck_users_elder_size_known')),
    sa.CheckConstraint('username = lower(username)', name=op.f('ck_users_username_lower')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('username', name=op.f('uq_users_username'))
    )
    op.create_index(op.f('ix_users_phone_hash'), 'users', ['phone_hash'], unique=False)
    op.create_table('audit_entries',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('actor_name', sa.String(length=60), nullable=False),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('object_type', sa.String(length=40), nullable=False),
    sa.Column('object_id', sa.BigInteger(), nullable=True),
    sa.Column('area_id', sa.BigInteger(), nullable=True),
    sa.Column('summary', sa.Text(), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('request_id', sa.String(length=40), nullable=True),
    sa.Column('address', sa.String(length=60), nullable=True),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_audit_entries_area_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_audit_entries_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entries'))
    )
    op.create_index('ix_audit_entries_area_id_at', 'audit_entries', ['area_id', 'at'], unique=False)
    op.create_index('ix_audit_entries_object', 'audit_entries', ['object_type', 'object_id'], unique=False)
    op.create_index('ix_audit_entries_user_id_at', 'audit_entries', ['user_id', 'at'], unique=False)
    op.create_table('coverage_snapshots',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('elders', sa.Integer(), nullable=False),
    sa.Column('contacted', sa.Integer(), nullable=False),
    sa.Column('all_met', sa.Integer(), nullable=False),
    sa.Column('figures', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_coverage_snapshots_area_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coverage_snapshots'))
    )
    op.create_index('uq_coverage_snapshots_area_id_month', 'coverage_snapshots', ['area_id', 'month'], unique=True)
    op.create_table('households',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('grid_id', sa.BigInteger(), nullable=True),
    sa.Column('address', sa.String(length=200), nullable=False),
    sa.Column('neighbourhood', sa.String(length=60), nullable=True),
    sa.Column('latitude', sa.Double(), nullable=True),
    sa.Column('longitude', sa.Double(), nullable=True),
    sa.Column('coordinate_source', sa.Enum('imported', 'map_click', 'geocoded', name='coordinatesource_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('water_safe', sa.Boolean(), nullable=True),
    sa.Column('power_safe', sa.Boolean(), nullable=True),
    sa.Column('housing_safe', sa.Boolean(), nullable=True),
    sa.Column('monthly_income', sa.Numeric(precision=10, scale=2), nullable=True),
    sa.Column('pension_monthly', sa.Numeric(precision=10, scale=2), nullable=True),
    sa.Column('subsidies', sa.Text(), nullable=True),
    sa.Column('subsidy_monthly', sa.Numeric(precision=10, scale=2), nullable=True),
    sa.Column('helped_by', sa.ARRAY(sa.String(length=40)), server_default='{}', nullable=False),
    sa.Column('helper_name', sa.String(length=60), nullable=True),
    sa.Column('help_given', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('(latitude IS NULL) = (longitude IS NULL)', name=op.f('ck_households_coordinates_come_in_pairs')),
    sa.CheckConstraint('latitude BETWEEN 3 AND 54 AND longitude BETWEEN 73 AND 136', name=op.f('ck_households_lies_in_china')),
    sa.CheckConstraint('monthly_income >= 0 AND pension_monthly >= 0 AND subsidy_monthly >= 0', name=op.f('ck_households_money')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_households_area_id')),
    sa.ForeignKeyConstraint(['grid_id'], ['areas.id'], name=op.f('fk_households_grid_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_households'))
    )
    op.create_index('ix_households_area_id_address', 'households', ['area_id', 'address'], unique=False)
    op.create_table('import_batches',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('elders', 'workers', name='importkind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('filename', sa.String(length=200), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('coordinate_system', sa.String(length=10), nullable=True),
    sa.Column('state', sa.Enum('uploaded', 'checking', 'checked', 'applying', 'applied', 'failed', 'discarded', name='importstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('rows_total', sa.BigInteger(), nullable=False),
    sa.Column('rows_done', sa.BigInteger(), nullable=False),
    sa.Column('counts', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('headings', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('notices', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('applied_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('rows_done <= rows_total', name=op.f('ck_import_batches_progress')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_import_batches_area_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_import_batches_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_batches'))
    )
    op.create_index('ix_import_batches_area_id_created_at', 'import_batches', ['area_id', 'created_at'], unique=False)
    op.create_table('messages',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('dedupe_key', sa.String(length=120), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('link', sa.String(length=200), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_messages_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages'))
    )
    op.create_index('ix_messages_user_id_created_at', 'messages', ['user_id', 'created_at'], unique=False)
    op.create_index('uq_messages_user_id_dedupe_key', 'messages', ['user_id', 'dedupe_key'], unique=True)
    op.create_table('organisations',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('property_company', 'courier_company', 'school', 'social_work_station', 'volunteer_team', 'senior_association', 'committee', 'health_centre', 'other', name='organisationkind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('school_stage', sa.Enum('middle', 'high', 'vocational', 'university', name='schoolstage_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('address', sa.String(length=200), nullable=True),
    sa.Column('latitude', sa.Double(), nullable=True),
    sa.Column('longitude', sa.Double(), nullable=True),
    sa.Column('issuer_person', sa.String(length=60), nullable=True),
    sa.Column('issuer_handler', sa.String(length=60), nullable=True),
    sa.Column('issuer_phone', sa.String(length=30), nullable=True),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'school') = (school_stage IS NOT NULL)", name=op.f('ck_organisations_schools_have_a_stage')),
    sa.CheckConstraint('(latitude IS NULL) = (longitude IS NULL)', name=op.f('ck_organisations_coordinates_come_in_pairs')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_organisations_area_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisations'))
    )
    op.create_index('uq_organisations_area_id_name', 'organisations', ['area_id', 'name'], unique=True)
    op.create_table('plans',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('state', sa.Enum('queued', 'solving', 'ready', 'approved', 'superseded', 'discarded', 'failed', name='planstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('stage', sa.Enum('obligations', 'assign', 'route', 'check', 'draft', name='planstage_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('percent', sa.SmallInteger(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('best', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stop_requested_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stop_requested_by_id', sa.BigInteger(), nullable=True),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('time_limit_seconds', sa.Integer(), nullable=False),
    sa.Column('based_on_id', sa.BigInteger(), nullable=True),
    sa.Column('policy_version_id', sa.BigInteger(), nullable=True),
    sa.Column('scenario', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('score', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('violations', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('created_by_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved_by_id', sa.BigInteger(), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'approved') <= (approved_at IS NOT NULL)", name=op.f('ck_plans_approval_is_dated')),
    sa.CheckConstraint('extract(day from month) = 1', name=op.f('ck_plans_month_is_a_first_day')),
    sa.CheckConstraint('percent BETWEEN 0 AND 100', name=op.f('ck_plans_percent')),
    sa.ForeignKeyConstraint(['approved_by_id'], ['users.id'], name=op.f('fk_plans_approved_by_id')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_plans_area_id')),
    sa.ForeignKeyConstraint(['based_on_id'], ['plans.id'], name=op.f('fk_plans_based_on_id')),
    sa.ForeignKeyConstraint(['created_by_id'], ['users.id'], name=op.f('fk_plans_created_by_id')),
    sa.ForeignKeyConstraint(['policy_version_id'], ['policy_versions.id'], name=op.f('fk_plans_policy_version_id')),
    sa.ForeignKeyConstraint(['stop_requested_by_id'], ['users.id'], name=op.f('fk_plans_stop_requested_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plans'))
    )
    op.create_index('ix_plans_area_id_month', 'plans', ['area_id', 'month'], unique=False)
    op.create_index('uq_plans_approved', 'plans', ['area_id', 'month'], unique=True, postgresql_where="state = 'approved'")
    op.create_index('uq_plans_running', 'plans', ['area_id', 'month'], unique=True, postgresql_where="state IN ('queued', 'solving')")
    op.create_table('surge_events',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('festival', 'extreme_weather', 'epidemic', name='surgekind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('entered_by_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('first_day <= last_day', name=op.f('ck_surge_events_days_in_order')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_surge_events_area_id')),
    sa.ForeignKeyConstraint(['entered_by_id'], ['users.id'], name=op.f('fk_surge_events_entered_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_surge_events'))
    )
    op.create_index(op.f('ix_surge_events_area_id'), 'surge_events', ['area_id'], unique=False)
    op.create_table('user_sessions',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('second_factor_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.String(length=40), nullable=True),
    sa.Column('address', sa.String(length=60), nullable=True),
    sa.Column('user_agent', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_sessions_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_sessions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_user_sessions_token_hash'))
    )
    op.create_index('ix_user_sessions_user_id_ended_at', 'user_sessions', ['user_id', 'ended_at'], unique=False)
    op.create_table('deliveries',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('message_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.Enum('email', 'sms', name='channel_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('state', sa.Enum('owed', 'sent', 'failed', name='deliverystate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_deliveries_message_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries'))
    )
    op.create_index('uq_deliveries_message_id_channel', 'deliveries', ['message_id', 'channel'], unique=True)
    op.create_table('elders',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('household_id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('sex', sa.Enum('male', 'female', name='sex_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('birth_date', sa.Date(), nullable=False),
    sa.Column('id_number', sa.LargeBinary(), nullable=True),
    sa.Column('id_number_hash', sa.LargeBinary(), nullable=True),
    sa.Column('phone', sa.LargeBinary(), nullable=True),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=True),
    sa.Column('status', sa.Enum('active', 'moved', 'in_institution', 'deceased', name='elderstatus_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('enrolled_on', sa.Date(), nullable=False),
    sa.Column('left_on', sa.Date(), nullable=True),
    sa.Column('reverify_due_on', sa.Date(), nullable=True),
    sa.Column('registered_address', sa.String(length=200), nullable=True),
    sa.Column('lives_at_registered_address', sa.Boolean(), nullable=False),
    sa.Column('is_rural_household', sa.Boolean(), nullable=False),
    sa.Column('ability_level', sa.SmallInteger(), nullable=False),
    sa.Column('ability_assessed_on', sa.Date(), nullable=True),
    sa.Column('ability_assessor', sa.String(length=60), nullable=True),
    sa.Column('has_dementia', sa.Boolean(), nullable=False),
    sa.Column('health', sa.Enum('good', 'poor', name='health_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('is_self_caring', sa.Boolean(), nullable=False),
    sa.Column('in_hardship', sa.Boolean(), nullable=False),
    sa.Column('upheaval_until', sa.Date(), nullable=True),
    sa.Column('cares_for_impaired_child', sa.Boolean(), nullable=False),
    sa.Column('medical_history', sa.LargeBinary(), nullable=True),
    sa.Column('economic_status', sa.Enum('none', 'destitute', 'low_income', 'low_income_marginal', name='economicstatus_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('income_source', sa.String(length=60), nullable=True),
    sa.Column('monthly_disposable_income', sa.Numeric(precision=10, scale=2), nullable=True),
    sa.Column('children_alive', sa.SmallInteger(), nullable=True),
    sa.Column('spouse_alive', sa.Boolean(), nullable=True),
    sa.Column('cautions', sa.String(length=200), nullable=True),
    sa.Column('dialect', sa.String(length=30), nullable=True),
    sa.Column('prefers_sex', sa.Enum('male', 'female', name='prefers_sex_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('minors_welcome', sa.Boolean(), nullable=False),
    sa.Column('needs_two_visitors', sa.Boolean(), nullable=False),
    sa.Column('needs_skills', sa.ARRAY(sa.String(length=30)), server_default='{}', nullable=False),
    sa.Column('visit_minutes', sa.SmallInteger(), nullable=False),
    sa.Column('visit_from', sa.Time(), nullable=False),
    sa.Column('visit_until', sa.Time(), nullable=False),
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('external_ids', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('notes', sa.LargeBinary(), nullable=True),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(status = 'active') = (left_on IS NULL)", name=op.f('ck_elders_active_until_left')),
    sa.CheckConstraint('(id_number IS NULL) = (id_number_hash IS NULL)', name=op.f('ck_elders_id_number_with_hash')),
    sa.CheckConstraint('ability_level BETWEEN 0 AND 4', name=op.f('ck_elders_ability_levels')),
    sa.CheckConstraint('left_on IS NULL OR left_on >= enrolled_on', name=op.f('ck_elders_leaves_after_enrolment')),
    sa.CheckConstraint('visit_from < visit_until', name=op.f('ck_elders_visit_hours_in_order')),
    sa.CheckConstraint('visit_minutes BETWEEN 10 AND 240', name=op.f('ck_elders_visit_minutes')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_elders_area_id')),
    sa.ForeignKeyConstraint(['household_id'], ['households.id'], name=op.f('fk_elders_household_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_elders')),
    comment='特殊困难老年人基础台账'
    )
    op.create_index('ix_elders_area_id_status_name', 'elders', ['area_id', 'status', 'name'], unique=False)
    op.create_index(op.f('ix_elders_household_id'), 'elders', ['household_id'], unique=False)
    op.create_index('ix_elders_name', 'elders', ['name'], unique=False)
    op.create_index(op.f('ix_elders_phone_hash'), 'elders', ['phone_hash'], unique=False)
    op.create_index('uq_elders_id_number_hash', 'elders', ['id_number_hash'], unique=True)
    op.create_table('household_members',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('household_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('sex', sa.Enum('male', 'female', name='sex_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('birth_date', sa.Date(), nullable=True),
    sa.Column('id_number', sa.LargeBinary(), nullable=True),
    sa.Column('relation', sa.String(length=30), nullable=False),
    sa.Column('health', sa.LargeBinary(), nullable=True),
    sa.Column('economic_status', sa.Enum('none', 'destitute', 'low_income', 'low_income_marginal', name='economicstatus_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('lives_in', sa.Boolean(), nullable=False),
    sa.Column('residence', sa.String(length=120), nullable=True),
    sa.Column('in_same_town', sa.Boolean(), nullable=True),
    sa.Column('away_since', sa.Date(), nullable=True),
    sa.Column('visits_often', sa.Boolean(), nullable=True),
    sa.ForeignKeyConstraint(['household_id'], ['households.id'], name=op.f('fk_household_members_household_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_household_members'))
    )
    op.create_index(op.f('ix_household_members_household_id'), 'household_members', ['household_id'], unique=False)
    op.create_table('import_files',
    sa.Column('batch_id', sa.BigInteger(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['import_batches.id'], name=op.f('fk_import_files_batch_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('batch_id', name=op.f('pk_import_files'))
    )
    op.create_table('import_rows',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('batch_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.Enum('create', 'update', 'same', 'ask', 'refuse', name='rowoutcome_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('decision', sa.Enum('update', 'create', 'skip', name='rowdecision_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('applied', sa.Boolean(), nullable=False),
    sa.Column('cells', sa.LargeBinary(), nullable=False),
    sa.Column('values', sa.LargeBinary(), nullable=True),
    sa.Column('problems', sa.LargeBinary(), nullable=True),
    sa.Column('details', sa.LargeBinary(), nullable=True),
    sa.Column('target_id', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['import_batches.id'], name=op.f('fk_import_rows_batch_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_rows'))
    )
    op.create_index('ix_import_rows_batch_id_outcome', 'import_rows', ['batch_id', 'outcome'], unique=False)
    op.create_index('uq_import_rows_batch_id_number', 'import_rows', ['batch_id', 'number'], unique=True)
    op.create_table('role_grants',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('role', sa.Enum('administrator', 'city_supervisor', 'county_supervisor', 'street_coordinator', 'community_coordinator', 'organisation_manager', 'school_verifier', 'worker', 'family', name='role_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('granted_by_id', sa.BigInteger(), nullable=True),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(role IN ('administrator', 'city_supervisor', 'community_coordinator', 'county_supervisor', 'street_coordinator')) = (area_id IS NOT NULL)", name=op.f('ck_role_grants_area_roles_have_an_area')),
    sa.CheckConstraint("(role IN ('organisation_manager', 'school_verifier')) = (organisation_id IS NOT NULL)", name=op.f('ck_role_grants_organisation_roles_have_one')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_role_grants_area_id')),
    sa.ForeignKeyConstraint(['granted_by_id'], ['users.id'], name=op.f('fk_role_grants_granted_by_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_role_grants_organisation_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_role_grants_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grants'))
    )
    op.create_index('uq_role_grants_active', 'role_grants', ['user_id', 'role', 'area_id', 'organisation_id'], unique=True, postgresql_where='revoked_at IS NULL', postgresql_nulls_not_distinct=True)
    op.create_table('workers',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('committee_member', 'grid_member', 'family_doctor', 'care_staff', 'social_worker', 'volunteer', 'student', 'party_member', 'younger_senior', 'neighbour', 'relative', 'senior_association', 'owners_committee', 'property_staff', 'courier', 'office_staff', 'civil_affairs', 'charity', name='workerkind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('status', sa.Enum('applied', 'approved', 'suspended', 'left', name='workerstatus_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('sex', sa.Enum('male', 'female', name='sex_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('birth_date', sa.Date(), nullable=False),
    sa.Column('id_number', sa.LargeBinary(), nullable=True),
    sa.Column('id_number_hash', sa.LargeBinary(), nullable=True),
    sa.Column('phone', sa.LargeBinary(), nullable=True),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=True),
    sa.Column('volunteer_number', sa.String(length=30), nullable=True),
    sa.Column('student_class', sa.String(length=40), nullable=True),
    sa.Column('student_number', sa.String(length=30), nullable=True),
    sa.Column('travel_mode', sa.Enum('walk', 'bike', 'car', name='travelmode_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('start_address', sa.String(length=200), nullable=True),
    sa.Column('start_latitude', sa.Double(), nullable=False),
    sa.Column('start_longitude', sa.Double(), nullable=False),
    sa.Column('end_latitude', sa.Double(), nullable=True),
    sa.Column('end_longitude', sa.Double(), nullable=True),
    sa.Column('service_radius_metres', sa.BigInteger(), nullable=False),
    sa.Column('max_visits_day', sa.SmallInteger(), nullable=False),
    sa.Column('max_visits_week', sa.SmallInteger(), nullable=False),
    sa.Column('max_visits_month', sa.SmallInteger(), nullable=False),
    sa.Column('max_hours_week', sa.SmallInteger(), nullable=True),
    sa.Column('dialects', sa.ARRAY(sa.String(length=30)), server_default='{}', nullable=False),
    sa.Column('applied_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved_by_id', sa.BigInteger(), nullable=True),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind <> 'student') OR (organisation_id IS NOT NULL)", name=op.f('ck_workers_students_have_a_school')),
    sa.CheckConstraint("(status <> 'approved') OR (approved_at IS NOT NULL)", name=op.f('ck_workers_approval_is_dated')),
    sa.CheckConstraint('(end_latitude IS NULL) = (end_longitude IS NULL)', name=op.f('ck_workers_end_in_pairs')),
    sa.CheckConstraint('(id_number IS NULL) = (id_number_hash IS NULL)', name=op.f('ck_workers_id_number_with_hash')),
    sa.CheckConstraint('max_visits_day BETWEEN 1 AND 20 AND max_visits_week BETWEEN 1 AND 100 AND max_visits_month BETWEEN 1 AND 400', name=op.f('ck_workers_limits_sensible')),
    sa.CheckConstraint('service_radius_metres > 0', name=op.f('ck_workers_radius_positive')),
    sa.CheckConstraint('start_latitude BETWEEN 3 AND 54 AND start_longitude BETWEEN 73 AND 136', name=op.f('ck_workers_starts_in_china')),
    sa.ForeignKeyConstraint(['approved_by_id'], ['users.id'], name=op.f('fk_workers_approved_by_id')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_workers_area_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_workers_organisation_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_workers_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workers'))
    )
    op.create_index('ix_workers_area_id_status_name', 'workers', ['area_id', 'status', 'name'], unique=False)
    op.create_index('ix_workers_organisation_id', 'workers', ['organisation_id'], unique=False)
    op.create_index(op.f('ix_workers_phone_hash'), 'workers', ['phone_hash'], unique=False)
    op.create_index('uq_workers_id_number_hash', 'workers', ['id_number_hash'], unique=True)
    op.create_index('uq_workers_user_id', 'workers', ['user_id'], unique=True)
    op.create_index('uq_workers_volunteer_number', 'workers', ['volunteer_number'], unique=True)
    op.create_table('availability',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('weekday', sa.SmallInteger(), nullable=False),
    sa.Column('starts', sa.Time(), nullable=False),
    sa.Column('ends', sa.Time(), nullable=False),
    sa.CheckConstraint('starts < ends', name=op.f('ck_availability_hours_in_order')),
    sa.CheckConstraint('weekday BETWEEN 0 AND 6', name=op.f('ck_availability_weekdays')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_availability_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_availability'))
    )
    op.create_index('uq_availability_worker_id_weekday', 'availability', ['worker_id', 'weekday'], unique=True)
    op.create_table('availability_exceptions',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('note', sa.String(length=120), nullable=True),
    sa.CheckConstraint('first_day <= last_day', name=op.f('ck_availability_exceptions_days_in_order')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_availability_exceptions_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_availability_exceptions'))
    )
    op.create_index(op.f('ix_availability_exceptions_worker_id'), 'availability_exceptions', ['worker_id'], unique=False)
    op.create_table('bars',
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_bars_elder_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_bars_worker_id')),
    sa.PrimaryKeyConstraint('worker_id', 'elder_id', name=op.f('pk_bars'))
    )
    op.create_table('certificates',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('issued_by_id', sa.BigInteger(), nullable=True),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_by_id', sa.BigInteger(), nullable=True),
    sa.Column('revoked_reason', sa.Text(), nullable=True),
    sa.CheckConstraint('(revoked_at IS NULL) = (revoked_reason IS NULL)', name=op.f('ck_certificates_revoked_with_reason')),
    sa.CheckConstraint('first_day <= last_day', name=op.f('ck_certificates_days_in_order')),
    sa.CheckConstraint('minutes > 0', name=op.f('ck_certificates_some_hours')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_certificates_area_id')),
    sa.ForeignKeyConstraint(['issued_by_id'], ['users.id'], name=op.f('fk_certificates_issued_by_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_certificates_organisation_id')),
    sa.ForeignKeyConstraint(['revoked_by_id'], ['users.id'], name=op.f('fk_certificates_revoked_by_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_certificates_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificates'))
    )
    op.create_index(op.f('ix_certificates_worker_id'), 'certificates', ['worker_id'], unique=False)
    op.create_index('uq_certificates_code', 'certificates', ['code'], unique=True)
    op.create_index('uq_certificates_number', 'certificates', ['number'], unique=True)
    op.create_table('consents',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('service', 'home', name='consentkind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('state', sa.Enum('accepted', 'remote_only', 'granted', 'refused', name='consentstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('given_by', sa.Enum('self', 'family', name='consentgiver_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('giver_name', sa.String(length=60), nullable=True),
    sa.Column('given_on', sa.Date(), nullable=False),
    sa.Column('channel', sa.String(length=30), nullable=False),
    sa.Column('note', sa.LargeBinary(), nullable=True),
    sa.Column('ask_again_on', sa.Date(), nullable=True),
    sa.Column('recorded_by_id', sa.BigInteger(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(kind = 'service' AND state IN ('accepted', 'remote_only', 'refused')) OR (kind = 'home' AND state IN ('granted', 'refused'))", name=op.f('ck_consents_states_of_the_kind')),
    sa.CheckConstraint("state <> 'refused' OR note IS NOT NULL", name=op.f('ck_consents_refusal_needs_a_note')),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_consents_elder_id')),
    sa.ForeignKeyConstraint(['recorded_by_id'], ['users.id'], name=op.f('fk_consents_recorded_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consents'))
    )
    op.create_index('uq_consents_current', 'consents', ['elder_id', 'kind'], unique=True, postgresql_where='superseded_at IS NULL')
    op.create_table('credentials',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('training', 'insurance', 'health_declaration', 'agreement', 'professional', name='credentialkind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('number', sa.LargeBinary(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('verified_by_id', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('valid_to IS NULL OR valid_to >= valid_from', name=op.f('ck_credentials_dates_in_order')),
    sa.ForeignKeyConstraint(['verified_by_id'], ['users.id'], name=op.f('fk_credentials_verified_by_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_credentials_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_credentials'))
    )
    op.create_index(op.f('ix_credentials_worker_id'), 'credentials', ['worker_id'], unique=False)
    op.create_table('disability_certificates',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.LargeBinary(), nullable=True),
    sa.Column('kind', sa.LargeBinary(), nullable=True),
    sa.Column('grade', sa.SmallInteger(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.CheckConstraint('grade BETWEEN 1 AND 4', name=op.f('ck_disability_certificates_grades')),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_disability_certificates_elder_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disability_certificates'))
    )
    op.create_index(op.f('ix_disability_certificates_elder_id'), 'disability_certificates', ['elder_id'], unique=False)
    op.create_table('elder_categories',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('category', sa.Enum('kinless', 'living_alone', 'empty_nest', 'left_behind', 'special_family', name='category_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('evidence', sa.LargeBinary(), nullable=True),
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.CheckConstraint('ended_on IS NULL OR ended_on >= since', name=op.f('ck_elder_categories_ends_after_start')),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_elder_categories_elder_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_elder_categories'))
    )
    op.create_index('uq_elder_categories_current', 'elder_categories', ['elder_id', 'category'], unique=True, postgresql_where='ended_on IS NULL')
    op.create_table('emergency_contacts',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.SmallInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('relation', sa.String(length=30), nullable=False),
    sa.Column('phone', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_emergency_contacts_elder_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_emergency_contacts'))
    )
    op.create_index('uq_emergency_contacts_elder_id_position', 'emergency_contacts', ['elder_id', 'position'], unique=True)
    op.create_table('first_visiting_contacts',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('relation', sa.String(length=30), nullable=False),
    sa.Column('phone', sa.LargeBinary(), nullable=True),
    sa.Column('lives_nearby', sa.Boolean(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_first_visiting_contacts_elder_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_first_visiting_contacts'))
    )
    op.create_index('uq_first_visiting_contacts_current', 'first_visiting_contacts', ['elder_id'], unique=True, postgresql_where='until IS NULL')
    op.create_table('guardians',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('relation', sa.String(length=30), nullable=False),
    sa.Column('phone', sa.LargeBinary(), nullable=False),
    sa.Column('scope', sa.String(length=120), nullable=False),
    sa.Column('given_on', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('valid_to IS NULL OR valid_to >= given_on', name=op.f('ck_guardians_dates_in_order')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_guardians_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_guardians'))
    )
    op.create_index(op.f('ix_guardians_worker_id'), 'guardians', ['worker_id'], unique=False)
    op.create_table('overdue_reasons',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('rule', sa.String(length=80), nullable=False),
    sa.Column('period_from', sa.Date(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('written_by_id', sa.BigInteger(), nullable=True),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_overdue_reasons_elder_id')),
    sa.ForeignKeyConstraint(['written_by_id'], ['users.id'], name=op.f('fk_overdue_reasons_written_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_overdue_reasons'))
    )
    op.create_index('uq_overdue_reasons_one', 'overdue_reasons', ['elder_id', 'rule', 'period_from'], unique=True)
    op.create_table('plan_routes',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('plan_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('letter', sa.SmallInteger(), nullable=False),
    sa.Column('departure_seconds', sa.Integer(), nullable=False),
    sa.Column('arrival_seconds', sa.Integer(), nullable=False),
    sa.Column('travel_seconds', sa.Integer(), nullable=False),
    sa.Column('travel_metres', sa.Integer(), nullable=False),
    sa.CheckConstraint('departure_seconds <= arrival_seconds', name=op.f('ck_plan_routes_times_in_order')),
    sa.ForeignKeyConstraint(['plan_id'], ['plans.id'], name=op.f('fk_plan_routes_plan_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_plan_routes_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_routes'))
    )
    op.create_index('uq_plan_routes_plan_id_day_worker_id', 'plan_routes', ['plan_id', 'day', 'worker_id'], unique=True)
    op.create_table('service_contacts',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_service_contacts_elder_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_service_contacts_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_service_contacts'))
    )
    op.create_index('ix_service_contacts_worker_id', 'service_contacts', ['worker_id'], unique=False)
    op.create_index('uq_service_contacts_current', 'service_contacts', ['elder_id'], unique=True, postgresql_where='until IS NULL')
    op.create_table('visits',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('area_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Enum('open', 'claimed', 'assigned', 'in_progress', 'completed', 'not_met', 'missed', 'cancelled', name='visitstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('mode', sa.Enum('home', 'phone', 'video', 'chat', 'monitor', 'encounter', 'other', name='contactmode_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('people', sa.SmallInteger(), nullable=False),
    sa.Column('needs_skills', sa.ARRAY(sa.String(length=30)), server_default='{}', nullable=False),
    sa.Column('is_statutory', sa.Boolean(), nullable=False),
    sa.Column('rule', sa.String(length=80), nullable=True),
    sa.Column('period_from', sa.Date(), nullable=True),
    sa.Column('period_to', sa.Date(), nullable=True),
    sa.Column('policy_version_id', sa.BigInteger(), nullable=True),
    sa.Column('plan_id', sa.BigInteger(), nullable=True),
    sa.Column('opened_by_id', sa.BigInteger(), nullable=True),
    sa.Column('cancelled_reason', sa.String(length=200), nullable=True),
    sa.Column('contact_on', sa.Date(), nullable=True),
    sa.Column('contact_mode', sa.Enum('home', 'phone', 'video', 'chat', 'monitor', 'encounter', 'other', name='contact_mode_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('contact_outcome', sa.Enum('completed', 'no_answer', 'declined', name='contactoutcome_known', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('contact_note', sa.LargeBinary(), nullable=True),
    sa.Column('sequence', sa.BigInteger(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(state = 'cancelled') = (cancelled_reason IS NOT NULL)", name=op.f('ck_visits_cancelled_with_reason')),
    sa.CheckConstraint("(state IN ('completed', 'not_met')) = (contact_on IS NOT NULL) AND (contact_on IS NULL) = (contact_mode IS NULL) AND (contact_on IS NULL) = (contact_outcome IS NULL)", name=op.f('ck_visits_closed_visits_have_a_contact')),
    sa.CheckConstraint('people BETWEEN 1 AND 2', name=op.f('ck_visits_one_or_two_people')),
    sa.CheckConstraint('period_from <= period_to', name=op.f('ck_visits_period_in_order')),
    sa.CheckConstraint('starts_at < ends_at', name=op.f('ck_visits_times_in_order')),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_visits_area_id')),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_visits_elder_id')),
    sa.ForeignKeyConstraint(['opened_by_id'], ['users.id'], name=op.f('fk_visits_opened_by_id')),
    sa.ForeignKeyConstraint(['plan_id'], ['plans.id'], name=op.f('fk_visits_plan_id')),
    sa.ForeignKeyConstraint(['policy_version_id'], ['policy_versions.id'], name=op.f('fk_visits_policy_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_visits'))
    )
    op.create_index('ix_visits_area_id_state_starts_at', 'visits', ['area_id', 'state', 'starts_at'], unique=False)
    op.create_index('ix_visits_elder_id_contact_on', 'visits', ['elder_id', 'contact_on'], unique=False)
    op.create_index('ix_visits_plan_id', 'visits', ['plan_id'], unique=False)
    op.create_index('uq_visits_elder_id_sequence', 'visits', ['elder_id', 'sequence'], unique=True)
    op.create_table('worker_skills',
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('skill', sa.Enum('nursing', 'counselling', 'social_work', 'first_aid', 'home_safety', 'dialect', 'sign_language', name='skill_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('verified_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_worker_skills_worker_id')),
    sa.PrimaryKeyConstraint('worker_id', 'skill', name=op.f('pk_worker_skills'))
    )
    op.create_table('assignments',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('visit_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Enum('approved', 'done', 'withdrawn', 'no_show', 'cancelled', name='assignmentstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('is_companion', sa.Boolean(), nullable=False),
    sa.Column('during', postgresql.TSTZRANGE(), nullable=False),
    sa.Column('approved_by_id', sa.BigInteger(), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.String(length=200), nullable=True),
    postgresql.ExcludeConstraint((sa.text("int8range(worker_id, worker_id, '[]')"), '&&'), (sa.column('during'), '&&'), where=sa.text("state = 'approved'"), using='gist', name='one_place_at_a_time'),
    sa.ForeignKeyConstraint(['approved_by_id'], ['users.id'], name=op.f('fk_assignments_approved_by_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_assignments_visit_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_assignments_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_assignments'))
    )
    op.create_index('ix_assignments_worker_id_state', 'assignments', ['worker_id', 'state'], unique=False)
    op.create_index('uq_assignments_live', 'assignments', ['visit_id', 'worker_id'], unique=True, postgresql_where="state IN ('approved', 'done')")
    op.create_table('claims',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('visit_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('companion_id', sa.BigInteger(), nullable=True),
    sa.Column('companion_agreed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.Enum('pending', 'approved', 'refused', 'withdrawn', name='claimstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('added_seconds', sa.Integer(), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by_id', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=True),
    sa.CheckConstraint("(state NOT IN ('approved', 'refused') OR decided_at IS NOT NULL) AND (state <> 'pending' OR decided_at IS NULL)", name=op.f('ck_claims_decision_is_dated')),
    sa.CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name=op.f('ck_claims_refusal_needs_a_reason')),
    sa.CheckConstraint('companion_id IS NULL OR companion_id <> worker_id', name=op.f('ck_claims_two_different_people')),
    sa.ForeignKeyConstraint(['companion_id'], ['workers.id'], name=op.f('fk_claims_companion_id')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['users.id'], name=op.f('fk_claims_decided_by_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_claims_visit_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_claims_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claims'))
    )
    op.create_index('ix_claims_state_claimed_at', 'claims', ['state', 'claimed_at'], unique=False)
    op.create_index('ix_claims_visit_id', 'claims', ['visit_id'], unique=False)
    op.create_index('ix_claims_worker_id_state', 'claims', ['worker_id', 'state'], unique=False)
    op.create_index('uq_claims_waiting', 'claims', ['visit_id'], unique=True, postgresql_where="state = 'pending'")
    op.create_table('hours_entries',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.String(length=30), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('visit_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('service', 'reversal', name='entrykind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('reverses_id', sa.BigInteger(), nullable=True),
    sa.Column('service_on', sa.Date(), nullable=False),
    sa.Column('minutes_present', sa.Integer(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('evidence', sa.Enum('strong', 'fair', 'weak', 'doubtful', name='evidence_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('derivation', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('policy_version_id', sa.BigInteger(), nullable=True),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('previous_hash', sa.LargeBinary(), nullable=True),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name=op.f('ck_hours_entries_reversal_names_its_entry')),
    sa.CheckConstraint("(kind = 'service' AND minutes >= 0) OR (kind = 'reversal' AND minutes <= 0)", name=op.f('ck_hours_entries_sign_of_kind')),
    sa.CheckConstraint('position >= 1', name=op.f('ck_hours_entries_positions_from_one')),
    sa.ForeignKeyConstraint(['policy_version_id'], ['policy_versions.id'], name=op.f('fk_hours_entries_policy_version_id')),
    sa.ForeignKeyConstraint(['reverses_id'], ['hours_entries.id'], name=op.f('fk_hours_entries_reverses_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_hours_entries_visit_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_hours_entries_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hours_entries'))
    )
    op.create_index('uq_hours_entries_number', 'hours_entries', ['number'], unique=True)
    op.create_index('uq_hours_entries_service', 'hours_entries', ['visit_id', 'worker_id', 'kind'], unique=True)
    op.create_index('uq_hours_entries_worker_id_position', 'hours_entries', ['worker_id', 'position'], unique=True)
    op.create_table('plan_stops',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('plan_id', sa.BigInteger(), nullable=False),
    sa.Column('route_id', sa.BigInteger(), nullable=True),
    sa.Column('visit_key', sa.String(length=60), nullable=False),
    sa.Column('elder_id', sa.BigInteger(), nullable=False),
    sa.Column('rule', sa.String(length=80), nullable=False),
    sa.Column('tier', sa.String(length=20), nullable=True),
    sa.Column('label', sa.String(length=120), server_default='', nullable=False),
    sa.Column('period_from', sa.Date(), nullable=False),
    sa.Column('period_to', sa.Date(), nullable=False),
    sa.Column('position', sa.SmallInteger(), nullable=True),
    sa.Column('arrival_seconds', sa.Integer(), nullable=True),
    sa.Column('start_seconds', sa.Integer(), nullable=True),
    sa.Column('end_seconds', sa.Integer(), nullable=True),
    sa.Column('is_companion', sa.Boolean(), nullable=False),
    sa.Column('pinned', sa.Boolean(), nullable=False),
    sa.Column('people', sa.SmallInteger(), nullable=False),
    sa.Column('needs_skills', sa.ARRAY(sa.String(length=30)), server_default='{}', nullable=False),
    sa.Column('reason', sa.String(length=60), nullable=True),
    sa.Column('reason_detail', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('visit_id', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('(route_id IS NULL) <= (reason IS NOT NULL)', name=op.f('ck_plan_stops_unassigned_has_a_reason')),
    sa.CheckConstraint('(route_id IS NULL) = (position IS NULL)', name=op.f('ck_plan_stops_position_on_a_route')),
    sa.CheckConstraint('(route_id IS NULL) = (start_seconds IS NULL)', name=op.f('ck_plan_stops_times_on_a_route')),
    sa.ForeignKeyConstraint(['elder_id'], ['elders.id'], name=op.f('fk_plan_stops_elder_id')),
    sa.ForeignKeyConstraint(['plan_id'], ['plans.id'], name=op.f('fk_plan_stops_plan_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['route_id'], ['plan_routes.id'], name=op.f('fk_plan_stops_route_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_plan_stops_visit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_stops'))
    )
    op.create_index('ix_plan_stops_route_id', 'plan_stops', ['route_id'], unique=False)
    op.create_index('ix_plan_stops_visit_id', 'plan_stops', ['visit_id'], unique=False)
    op.create_index('uq_plan_stops_plan_id_visit_key_route_id', 'plan_stops', ['plan_id', 'visit_key', 'route_id'], unique=True)
    op.create_table('presences',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('visit_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('arrived', 'left', name='presencekind_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('method', sa.Enum('location', 'door_code', 'word', name='presencemethod_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('client_uuid', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('phone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('latitude', sa.Double(), nullable=True),
    sa.Column('longitude', sa.Double(), nullable=True),
    sa.Column('accuracy_metres', sa.Integer(), nullable=True),
    sa.Column('distance_metres', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(length=200), nullable=True),
    sa.CheckConstraint("method <> 'location' OR latitude IS NOT NULL", name=op.f('ck_presences_location_has_coordinates')),
    sa.CheckConstraint('(latitude IS NULL) = (longitude IS NULL)', name=op.f('ck_presences_coordinates_come_in_pairs')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_presences_visit_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_presences_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_presences'))
    )
    op.create_index('uq_presences_client_uuid', 'presences', ['client_uuid'], unique=True)
    op.create_index('uq_presences_visit_id_worker_id_kind', 'presences', ['visit_id', 'worker_id', 'kind'], unique=True)
    op.create_table('route_sheets',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('route_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('content_sha256', sa.String(length=64), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('issued_by_id', sa.BigInteger(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('voided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('returned_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['issued_by_id'], ['users.id'], name=op.f('fk_route_sheets_issued_by_id')),
    sa.ForeignKeyConstraint(['route_id'], ['plan_routes.id'], name=op.f('fk_route_sheets_route_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_route_sheets')),
    sa.UniqueConstraint('code', name=op.f('uq_route_sheets_code'))
    )
    op.create_index('uq_route_sheets_current', 'route_sheets', ['route_id'], unique=True, postgresql_where='voided_at IS NULL')
    op.create_index('uq_route_sheets_number', 'route_sheets', ['number'], unique=True)
    op.create_table('visit_drafts',
    sa.Column('visit_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('answers', sa.LargeBinary(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_visit_drafts_visit_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_visit_drafts_worker_id')),
    sa.PrimaryKeyConstraint('visit_id', 'worker_id', name=op.f('pk_visit_drafts'))
    )
    op.create_table('visit_records',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('visit_id', sa.BigInteger(), nullable=False),
    sa.Column('worker_id', sa.BigInteger(), nullable=False),
    sa.Column('client_uuid', sa.Uuid(), nullable=False),
    sa.Column('entered_by_id', sa.BigInteger(), nullable=True),
    sa.Column('policy_version_id', sa.BigInteger(), nullable=True),
    sa.Column('form', sa.String(length=40), nullable=False),
    sa.Column('answers', sa.LargeBinary(), nullable=False),
    sa.Column('needs_follow_up', sa.Boolean(), nullable=False),
    sa.Column('follow_up', sa.LargeBinary(), nullable=True),
    sa.Column('state', sa.Enum('submitted', 'confirmed', 'returned', name='recordstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_by_id', sa.BigInteger(), nullable=True),
    sa.Column('return_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("(state = 'confirmed') = (confirmed_at IS NOT NULL)", name=op.f('ck_visit_records_confirmation_is_dated')),
    sa.CheckConstraint("state <> 'returned' OR return_reason IS NOT NULL", name=op.f('ck_visit_records_return_needs_a_reason')),
    sa.ForeignKeyConstraint(['confirmed_by_id'], ['users.id'], name=op.f('fk_visit_records_confirmed_by_id')),
    sa.ForeignKeyConstraint(['entered_by_id'], ['users.id'], name=op.f('fk_visit_records_entered_by_id')),
    sa.ForeignKeyConstraint(['policy_version_id'], ['policy_versions.id'], name=op.f('fk_visit_records_policy_version_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_visit_records_visit_id')),
    sa.ForeignKeyConstraint(['worker_id'], ['workers.id'], name=op.f('fk_visit_records_worker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_visit_records'))
    )
    op.create_index('uq_visit_records_client_uuid', 'visit_records', ['client_uuid'], unique=True)
    op.create_index('uq_visit_records_visit_id', 'visit_records', ['visit_id'], unique=True)
    op.create_table('certificate_entries',
    sa.Column('certificate_id', sa.BigInteger(), nullable=False),
    sa.Column('entry_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['certificate_id'], ['certificates.id'], name=op.f('fk_certificate_entries_certificate_id')),
    sa.ForeignKeyConstraint(['entry_id'], ['hours_entries.id'], name=op.f('fk_certificate_entries_entry_id')),
    sa.PrimaryKeyConstraint('certificate_id', 'entry_id', name=op.f('pk_certificate_entries'))
    )
    op.create_table('record_revisions',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('answers', sa.LargeBinary(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('replaced_by_id', sa.BigInteger(), nullable=True),
    sa.Column('replaced_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['record_id'], ['visit_records.id'], name=op.f('fk_record_revisions_record_id')),
    sa.ForeignKeyConstraint(['replaced_by_id'], ['users.id'], name=op.f('fk_record_revisions_replaced_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_record_revisions'))
    )
    op.create_index(op.f('ix_record_revisions_record_id'), 'record_revisions', ['record_id'], unique=False)
    op.create_table('verifications',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('entry_id', sa.BigInteger(), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Enum('passed', 'partial', 'returned', name='verificationstate_known', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('decided_by_id', sa.BigInteger(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state <> 'returned' OR minutes = 0", name=op.f('ck_verifications_returned_counts_nothing')),
    sa.CheckConstraint("state = 'passed' OR reason IS NOT NULL", name=op.f('ck_verifications_less_needs_a_reason')),
    sa.CheckConstraint('minutes >= 0', name=op.f('ck_verifications_minutes_not_negative')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['users.id'], name=op.f('fk_verifications_decided_by_id')),
    sa.ForeignKeyConstraint(['entry_id'], ['hours_entries.id'], name=op.f('fk_verifications_entry_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_verifications_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_verifications'))
    )
    op.create_index('ix_verifications_organisation_id_decided_at', 'verifications', ['organisation_id', 'decided_at'], unique=False)
    op.create_index('uq_verifications_current', 'verifications', ['entry_id'], unique=True, postgresql_where='superseded_at IS NULL')
    op.get_bind().exec_driver_sql(GUARDS.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("the first revision cannot be taken back; restore a backup instead")

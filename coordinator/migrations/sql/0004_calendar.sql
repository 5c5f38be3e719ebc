-- How often a visit has changed as calendars count it (SEQUENCE, RFC 5545 3.8.7.4). Triggers, so that no way of
-- changing a visit or its people can forget it.

CREATE FUNCTION note_visit_revision(changed bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO visit_revisions (visit_id, revision, changed_at) VALUES (changed, 1, clock_timestamp())
    ON CONFLICT (visit_id) DO UPDATE
        SET revision = visit_revisions.revision + 1,
            changed_at = greatest(visit_revisions.changed_at, excluded.changed_at)
$$;

CREATE FUNCTION visit_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_visit_revision(NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER visit_revised AFTER UPDATE OF state, starts_at, ends_at, mode ON visits FOR EACH ROW
    WHEN ((OLD.state, OLD.starts_at, OLD.ends_at, OLD.mode)
          IS DISTINCT FROM (NEW.state, NEW.starts_at, NEW.ends_at, NEW.mode))
    EXECUTE FUNCTION visit_revised();

CREATE FUNCTION visit_team_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_visit_revision(NEW.visit_id);
    RETURN NULL;
END $$;

CREATE TRIGGER visit_team_grown AFTER INSERT ON assignments FOR EACH ROW EXECUTE FUNCTION visit_team_revised();

CREATE TRIGGER visit_team_revised AFTER UPDATE OF state, during ON assignments FOR EACH ROW
    WHEN ((OLD.state, OLD.during) IS DISTINCT FROM (NEW.state, NEW.during))
    EXECUTE FUNCTION visit_team_revised();

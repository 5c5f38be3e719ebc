-- Rules that no column constraint can express. Each one repeats a rule of the services, so that neither a mistake
-- in the code nor somebody with a database console can break it unnoticed.

-- 1. Evidence and history are append-only.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'rows of ' || TG_TABLE_NAME || ' are never changed or deleted', ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hours_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON presences
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON record_revisions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON coverage_snapshots
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dossier_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dossier_merges
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- 2. Hours come from a completed visit at which this worker arrived and left, and are never more than the time there.
CREATE FUNCTION hours_need_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present interval;
BEGIN
    IF NEW.kind = 'service' THEN
        SELECT l.at - a.at INTO present
          FROM visits v
          JOIN presences a ON a.visit_id = v.id AND a.worker_id = NEW.worker_id AND a.kind = 'arrived'
          JOIN presences l ON l.visit_id = v.id AND l.worker_id = NEW.worker_id AND l.kind = 'left'
         WHERE v.id = NEW.visit_id AND v.state = 'completed';
        IF present IS NULL THEN
            RAISE EXCEPTION 'no hours without a completed visit and both presences of the worker'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hours_need_evidence';
        END IF;
        -- One minute of grace: minutes are rounded.
        IF NEW.minutes * interval '1 minute' > present + interval '1 minute' THEN
            RAISE EXCEPTION 'more hours than time at the home'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hours_need_evidence';
        END IF;
    ELSIF NOT EXISTS (
        SELECT 1 FROM hours_entries e
         WHERE e.id = NEW.reverses_id AND e.kind = 'service' AND e.worker_id = NEW.worker_id
           AND e.visit_id = NEW.visit_id AND e.minutes = -NEW.minutes) THEN
        RAISE EXCEPTION 'a reversal takes back exactly one entry of the same worker'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'hours_need_evidence';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hours_need_evidence BEFORE INSERT ON hours_entries
    FOR EACH ROW EXECUTE FUNCTION hours_need_evidence();

-- 3. A minor is never alone in an elder's home: checked at commit, so that both assignments can be written first.
CREATE FUNCTION minor_needs_adult() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint := COALESCE(NEW.visit_id, OLD.visit_id);
BEGIN
    IF EXISTS (
        SELECT 1
          FROM assignments a
          JOIN workers w ON w.id = a.worker_id
          JOIN visits v ON v.id = a.visit_id
         WHERE a.visit_id = checked AND a.state IN ('approved', 'done') AND v.mode = 'home'
        HAVING bool_and(w.birth_date > ((v.starts_at AT TIME ZONE 'Asia/Shanghai')::date - interval '18 years'))) THEN
        RAISE EXCEPTION 'a minor is never alone in an elder''s home'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'minor_needs_adult';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER minor_needs_adult AFTER INSERT OR UPDATE OR DELETE ON assignments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION minor_needs_adult();

-- 4. A merged dossier leads to one that is not merged itself, and never comes back.
CREATE FUNCTION merged_leads_to_a_dossier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'merged' AND NEW.status <> 'merged' THEN
        RAISE EXCEPTION 'a merged dossier does not come back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'merged_leads_to_a_dossier';
    END IF;
    IF NEW.status = 'merged' AND (
        EXISTS (SELECT 1 FROM elders e WHERE e.id = NEW.merged_into_id AND e.status = 'merged')
        OR EXISTS (SELECT 1 FROM elders e WHERE e.merged_into_id = NEW.id AND e.id <> NEW.id)) THEN
        RAISE EXCEPTION 'a dossier is merged into one that is kept'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'merged_leads_to_a_dossier';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER merged_leads_to_a_dossier BEFORE INSERT OR UPDATE OF status, merged_into_id ON elders
    FOR EACH ROW EXECUTE FUNCTION merged_leads_to_a_dossier();

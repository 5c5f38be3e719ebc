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

-- 4. What is owed is kept ready in owed_obligations. Whatever it is computed from says in its own transaction whose
-- obligations are to be computed anew: lines in owed_stale, taken away by visits/services/owed.py. Lines are only
-- added, so that no writer waits for another; a statement of many rows adds its lines at once.
CREATE FUNCTION owed_mark_elders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO owed_elders (elder_id) SELECT id FROM fresh;
        INSERT INTO owed_stale (elder_id)
            SELECT id FROM elders WHERE household_id IN (SELECT household_id FROM fresh);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT id FROM elders WHERE household_id IN (SELECT household_id FROM former);
    ELSE
        -- Others of the household too: who lives with whom decides (江门). EXCEPT rather than a join: its plan, kept
        -- from a statement of one row, is as good for one of thousands.
        INSERT INTO owed_stale (elder_id)
            SELECT id FROM elders
             WHERE household_id IN (
                   SELECT household_id FROM (
                     SELECT id, area_id, household_id, name, birth_date, status, enrolled_on, left_on, ability_level,
                            has_dementia, health, is_self_caring, in_hardship, upheaval_until,
                            cares_for_impaired_child, economic_status FROM former
                     EXCEPT
                     SELECT id, area_id, household_id, name, birth_date, status, enrolled_on, left_on, ability_level,
                            has_dementia, health, is_self_caring, in_hardship, upheaval_until,
                            cares_for_impaired_child, economic_status FROM fresh) AS before
                   UNION
                   SELECT household_id FROM (
                     SELECT id, area_id, household_id, name, birth_date, status, enrolled_on, left_on, ability_level,
                            has_dementia, health, is_self_caring, in_hardship, upheaval_until,
                            cares_for_impaired_child, economic_status FROM fresh
                     EXCEPT
                     SELECT id, area_id, household_id, name, birth_date, status, enrolled_on, left_on, ability_level,
                            has_dementia, health, is_self_caring, in_hardship, upheaval_until,
                            cares_for_impaired_child, economic_status FROM former) AS since);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER owed_inserted AFTER INSERT ON elders
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION owed_mark_elders();
CREATE TRIGGER owed_updated AFTER UPDATE ON elders
    REFERENCING OLD TABLE AS former NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION owed_mark_elders();
CREATE TRIGGER owed_deleted AFTER DELETE ON elders
    REFERENCING OLD TABLE AS former FOR EACH STATEMENT EXECUTE FUNCTION owed_mark_elders();

-- Rows that concern one elder.
CREATE FUNCTION owed_mark_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO owed_stale (elder_id) SELECT DISTINCT elder_id FROM fresh;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO owed_stale (elder_id) SELECT DISTINCT elder_id FROM former;
    END IF;
    RETURN NULL;
END $$;
-- Of a visit only the contact counts.
CREATE FUNCTION owed_mark_visits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO owed_stale (elder_id) SELECT DISTINCT elder_id FROM fresh WHERE contact_on IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO owed_stale (elder_id) SELECT DISTINCT elder_id FROM former WHERE contact_on IS NOT NULL;
    ELSE
        INSERT INTO owed_stale (elder_id)
            SELECT elder_id FROM (
                SELECT id, elder_id, contact_on, contact_mode, contact_outcome FROM former
                EXCEPT
                SELECT id, elder_id, contact_on, contact_mode, contact_outcome FROM fresh) AS before
            UNION
            SELECT elder_id FROM (
                SELECT id, elder_id, contact_on, contact_mode, contact_outcome FROM fresh
                EXCEPT
                SELECT id, elder_id, contact_on, contact_mode, contact_outcome FROM former) AS since;
    END IF;
    RETURN NULL;
END $$;
-- A certificate also describes whoever lives in the same home.
CREATE FUNCTION owed_mark_certificates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT DISTINCT mate.id FROM fresh
              JOIN elders own ON own.id = fresh.elder_id JOIN elders mate ON mate.household_id = own.household_id;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT DISTINCT mate.id FROM former
              JOIN elders own ON own.id = former.elder_id JOIN elders mate ON mate.household_id = own.household_id;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION owed_mark_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT id FROM elders WHERE household_id IN (SELECT household_id FROM fresh);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT id FROM elders WHERE household_id IN (SELECT household_id FROM former);
    END IF;
    RETURN NULL;
END $$;
-- Of a home only the address is read, to order the list.
CREATE FUNCTION owed_mark_homes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO owed_stale (elder_id)
        SELECT id FROM elders
         WHERE household_id IN (
               SELECT id FROM (SELECT id, address FROM fresh EXCEPT SELECT id, address FROM former) AS since);
    RETURN NULL;
END $$;
CREATE TRIGGER owed_updated AFTER UPDATE ON households
    REFERENCING OLD TABLE AS former NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION owed_mark_homes();
-- Events hold in their area and in all areas below it.
CREATE FUNCTION owed_mark_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT DISTINCT e.id FROM fresh JOIN areas own ON own.id = fresh.area_id
              JOIN areas below ON starts_with(below.path, own.path) JOIN elders e ON e.area_id = below.id;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO owed_stale (elder_id)
            SELECT DISTINCT e.id FROM former JOIN areas own ON own.id = former.area_id
              JOIN areas below ON starts_with(below.path, own.path) JOIN elders e ON e.area_id = below.id;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION owed_mark_areas() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO owed_stale (elder_id)
        SELECT DISTINCT e.id FROM former JOIN fresh USING (id)
          JOIN areas below ON starts_with(below.path, fresh.path) JOIN elders e ON e.area_id = below.id
         WHERE (former.path, former.policy_pack) IS DISTINCT FROM (fresh.path, fresh.policy_pack);
    RETURN NULL;
END $$;
CREATE FUNCTION owed_mark_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO owed_stale (elder_id)
        SELECT DISTINCT e.id FROM fresh JOIN areas own ON own.policy_pack = fresh.pack
          JOIN areas below ON starts_with(below.path, own.path) JOIN elders e ON e.area_id = below.id;
    RETURN NULL;
END $$;
CREATE TRIGGER owed_updated AFTER UPDATE ON areas
    REFERENCING OLD TABLE AS former NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION owed_mark_areas();
CREATE TRIGGER owed_inserted AFTER INSERT ON policy_versions
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION owed_mark_rules();

DO $$
DECLARE
    watched record;
BEGIN
    FOR watched IN
        SELECT * FROM (VALUES
            ('elder_categories', 'owed_mark_rows'), ('consents', 'owed_mark_rows'),
            ('elder_earlier_facts', 'owed_mark_rows'), ('visits', 'owed_mark_visits'),
            ('disability_certificates', 'owed_mark_certificates'), ('household_members', 'owed_mark_members'),
            ('surge_events', 'owed_mark_events')) AS t (name, function)
    LOOP
        EXECUTE 'CREATE TRIGGER owed_inserted AFTER INSERT ON ' || watched.name ||
            ' REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ' || watched.function || '()';
        EXECUTE 'CREATE TRIGGER owed_updated AFTER UPDATE ON ' || watched.name ||
            ' REFERENCING OLD TABLE AS former NEW TABLE AS fresh'
            ' FOR EACH STATEMENT EXECUTE FUNCTION ' || watched.function || '()';
        EXECUTE 'CREATE TRIGGER owed_deleted AFTER DELETE ON ' || watched.name ||
            ' REFERENCING OLD TABLE AS former FOR EACH STATEMENT EXECUTE FUNCTION ' || watched.function || '()';
    END LOOP;
END $$;

CREATE FUNCTION refuse_second_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a response that has ended stays as it is';
END;
$$;
CREATE TRIGGER responses_end_once BEFORE UPDATE OF status ON responses FOR EACH ROW
WHEN (OLD.status NOT IN ('queued', 'in_progress') AND NEW.status <> OLD.status)
EXECUTE FUNCTION refuse_second_end();

CREATE FUNCTION refuse_second_end_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a job that is over stays as it is';
END;
$$;
CREATE TRIGGER jobs_end_once BEFORE UPDATE ON jobs FOR EACH ROW
WHEN (OLD.status IN ('completed', 'failed', 'cancelled'))
EXECUTE FUNCTION refuse_second_end_of_job();

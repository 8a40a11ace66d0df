CREATE TRIGGER jobs_end_once BEFORE UPDATE ON jobs
WHEN OLD.status IN ('completed', 'failed', 'cancelled')
BEGIN SELECT RAISE(ABORT, 'a job that is over stays as it is');
END;

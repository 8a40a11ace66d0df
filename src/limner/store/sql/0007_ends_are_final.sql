CREATE TRIGGER responses_end_once BEFORE UPDATE OF status ON responses
WHEN OLD.status NOT IN ('queued', 'in_progress') AND NEW.status <> OLD.status
BEGIN SELECT RAISE(ABORT, 'a response that has ended stays as it is');
END;

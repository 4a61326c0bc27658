-- Runs of Luigi's command for one of our tasks; a run of Presses that found nothing has a row at most once an hour.
-- root: the task's family, such as Alerts. began: [clock] now, else the clock.
-- outcome: ok, failed (a task failed), refused (settings, source, dates), not scheduled (any other error before a task
-- ran), already running, not run (Luigi gave a task to nobody, or data is missing), error (a bug of ours or of Luigi).
-- did: what the run did, one line for people. error: the cause and its remedy, one line; '' if all is well. An ok run has
-- one if it went on without luigid.
CREATE TABLE IF NOT EXISTS {table} (
    root String,
    began DateTime('UTC'),
    seconds Float64,
    outcome String,
    did String,
    error String
) ENGINE = MergeTree PARTITION BY toYYYYMM(began) ORDER BY (began, root)

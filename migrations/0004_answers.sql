-- +goose Up
-- What an answer says and changes, events and the runs they start, work items and who waits for
-- calls.

ALTER TABLE tenants ADD COLUMN callback_key bytea; -- sealed; signs the tokens of callbacks. NULL until the first is made

ALTER TABLE services
    ADD COLUMN fires   text[] NOT NULL DEFAULT '{}', -- of utilities: the events that fire them, by the settings in force
    ADD COLUMN held_by uuid;                         -- of a paused utility: the call whose failure paused it
CREATE INDEX services_document_updated ON services (tenant_id) WHERE 'document.updated' = ANY (fires); -- each delivered call asks

-- NUL stays an escape of JSON only, where it is not read: replaced, for the server refuses it as
-- text.
UPDATE services u
SET fires = CASE WHEN COALESCE(v.settings ->> 'executeBeforeProcess', 'false') = 'true' THEN '{before_process}'::text[] ELSE '{}' END
         || CASE WHEN COALESCE(v.settings ->> 'executeAfterProcess', 'true') = 'true' THEN '{after_process}'::text[] ELSE '{}' END
         || CASE WHEN json_typeof(v.settings -> 'executeOnTrigger') = 'array' THEN ARRAY(SELECT json_array_elements_text(v.settings -> 'executeOnTrigger'))
                 WHEN v.settings ->> 'executeOnTrigger' = 'true' THEN '{document.created,document.updated,document.deleted}'::text[]
                 ELSE '{}' END
FROM (
    SELECT tenant_id, service_id, version, replace(convert_from(settings, 'UTF8'), '\u0000', '\ufffd')::json AS settings FROM settings_versions
) v
WHERE v.tenant_id = u.tenant_id AND v.service_id = u.id AND v.version = u.settings_version
  AND COALESCE(v.settings ->> 'enabled', 'true') = 'true';

ALTER TABLE calls
    ADD COLUMN event_type     text,      -- NULL: explicit
    ADD COLUMN run_id         uuid,
    ADD COLUMN cause_id       uuid,      -- the call that caused the event
    ADD COLUMN cause          integer[], -- utilities that must not fire again by what this call changes, its own not included
    ADD COLUMN root_id        uuid,      -- the event, or call, that all began with; NULL: this call
    ADD COLUMN on_failure     text,      -- hold or error; NULL: continue
    ADD COLUMN callback_until timestamptz, -- once the endpoint took the request: until when it may call back
    ADD COLUMN called_back    boolean NOT NULL DEFAULT false, -- early: the exchange that is under way ends the call by its callback
    ADD COLUMN result         bytea,
    ADD COLUMN changes        bytea;
CREATE INDEX calls_run ON calls (run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX calls_root ON calls (root_id, COALESCE(document_id, 0)) WHERE root_id IS NOT NULL; -- what has been fired before
CREATE INDEX calls_work_item ON calls (tenant_id, work_item_id, id) WHERE work_item_id IS NOT NULL;

-- What an endpoint has called back, once a call. It may come before the endpoint's own response.
CREATE TABLE callbacks (
    call_id     uuid PRIMARY KEY CONSTRAINT callbacks_call_fkey REFERENCES calls,
    outcome     text NOT NULL,
    result      bytea,
    error       text,
    write_back  bytea, -- what the rules made of it
    received_at timestamptz NOT NULL
);

-- An event and the calls it fires.
CREATE TABLE runs (
    id            uuid PRIMARY KEY, -- UUIDv7
    tenant_id     uuid NOT NULL,
    project_id    integer NOT NULL,
    service_id    integer NOT NULL,
    event_type    text NOT NULL,
    reason        text,
    idempotency_key text,
    body_sha256   bytea,
    cause_id      uuid,
    cause         integer[] NOT NULL DEFAULT '{}', -- utilities that it must not fire
    root_id       uuid NOT NULL,  -- the run, or call, that all began with: itself where it has no cause
    request       bytea,          -- what the calls' requests have in common beside the documents; NULL: nothing
    documents     integer NOT NULL,
    accepted_at   timestamptz NOT NULL,
    processed     integer NOT NULL DEFAULT 0,
    calls         integer NOT NULL DEFAULT 0,
    open          integer NOT NULL DEFAULT 0,
    delivered     integer NOT NULL DEFAULT 0,
    skipped       integer NOT NULL DEFAULT 0,
    failed        integer NOT NULL DEFAULT 0,
    stopped_by    uuid,           -- the first call that failed and whose utility says error
    status        text NOT NULL,
    outcome       text,
    checked_at    timestamptz,
    completed_at  timestamptz,
    error_code    text,
    error_message text
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX runs_key ON runs (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_tenant ON runs (tenant_id, id);
CREATE INDEX runs_cause ON runs (cause_id) WHERE cause_id IS NOT NULL AND outcome IS NULL; -- what the end of a call has raised
CREATE INDEX runs_open ON runs (COALESCE(checked_at, accepted_at)) WHERE outcome IS NULL;

-- What a run goes through, in order.
CREATE TABLE run_items (
    run_id          uuid NOT NULL CONSTRAINT run_items_run_fkey REFERENCES runs ON DELETE CASCADE,
    position        integer NOT NULL, -- from 0
    document_id     integer,
    document        bytea,   -- as it was given, or as it was when it was deleted; NULL: as it is stored
    parameter_id    integer,
    verification_id integer,
    work_item_id    integer,
    CONSTRAINT run_items_pkey PRIMARY KEY (run_id, position)
);

CREATE TABLE work_items (
    tenant_id    uuid NOT NULL,
    id           integer NOT NULL CONSTRAINT work_items_id_check CHECK (id > 0),
    project_id   integer NOT NULL,
    parent_id    integer,          -- as workItemId in body: handed over by that one
    document_id  integer,
    status       integer NOT NULL,
    due_at       timestamptz,
    answered_by  uuid,             -- the call whose answer gave it its status; NULL: somebody else has
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT work_items_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT work_items_project_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id)
);
CREATE INDEX work_items_project ON work_items (tenant_id, project_id, id);
CREATE INDEX work_items_parent ON work_items (tenant_id, parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX work_items_document ON work_items (tenant_id, document_id, id) WHERE document_id IS NOT NULL;

-- Work items that wait for calls: one process at a time for the item that it began with.
CREATE TABLE work_item_processes (
    id           uuid PRIMARY KEY, -- its workflow is work-item/<id>
    tenant_id    uuid NOT NULL,
    work_item_id integer NOT NULL,
    current_id   integer NOT NULL,
    call_id      uuid NOT NULL,
    on_due       text NOT NULL,
    due_at       timestamptz,
    owns_call    boolean NOT NULL, -- the call was made for it, and is canceled with it
    escalations  integer NOT NULL DEFAULT 0,
    status       text NOT NULL,
    outcome      text,
    started_at   timestamptz NOT NULL,
    checked_at   timestamptz,
    completed_at timestamptz
);
CREATE UNIQUE INDEX work_item_processes_waiting ON work_item_processes (tenant_id, work_item_id) WHERE outcome IS NULL;
CREATE INDEX work_item_processes_current ON work_item_processes (tenant_id, current_id) WHERE outcome IS NULL;
CREATE INDEX work_item_processes_open ON work_item_processes (COALESCE(checked_at, started_at)) WHERE outcome IS NULL;

-- Workflows that await the end of a call.
CREATE TABLE call_waiters (
    call_id     uuid NOT NULL CONSTRAINT call_waiters_call_fkey REFERENCES calls,
    workflow_id text NOT NULL,
    CONSTRAINT call_waiters_pkey PRIMARY KEY (call_id, workflow_id)
);

-- Signals that are owed to workflows: written with what they tell, deleted when they are sent.
CREATE TABLE wakes (
    id          bigserial PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    call_id     uuid, -- whose end is told
    workflow_id text NOT NULL,
    signal      text NOT NULL,
    payload     bytea,
    created_at  timestamptz NOT NULL,
    tried_at    timestamptz -- by the sweep, last
);
CREATE INDEX wakes_call ON wakes (call_id) WHERE call_id IS NOT NULL;

-- +goose Down
DROP TABLE wakes, call_waiters, work_item_processes, work_items, run_items, runs, callbacks;
DROP INDEX calls_work_item;
ALTER TABLE calls DROP COLUMN event_type, DROP COLUMN run_id, DROP COLUMN cause_id, DROP COLUMN cause, DROP COLUMN root_id, DROP COLUMN on_failure,
    DROP COLUMN callback_until, DROP COLUMN called_back, DROP COLUMN result, DROP COLUMN changes;
ALTER TABLE services DROP COLUMN fires, DROP COLUMN held_by;
ALTER TABLE tenants DROP COLUMN callback_key;

-- +goose Up
CREATE TABLE categories (
    tenant_id  uuid NOT NULL,
    id         integer NOT NULL CONSTRAINT categories_id_check CHECK (id > 0),
    project_id integer NOT NULL,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT categories_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT categories_project_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id)
);
CREATE INDEX categories_project ON categories (tenant_id, project_id, id);

-- The sample on which a service's input is checked may have a MiB: apart from body, which every
-- acceptance reads.
ALTER TABLE services ADD COLUMN input_sample bytea;

-- +goose Down
ALTER TABLE services DROP COLUMN input_sample;
DROP TABLE categories;

-- +goose Up
-- A request that holds the value of a secret field (value type Password or SecureString) is shown
-- otherwise than it is sent.
ALTER TABLE requests
    ADD COLUMN shown_url     text,  -- NULL, like the others: as sent
    ADD COLUMN shown_headers bytea,
    ADD COLUMN shown_body    bytea;

-- +goose Down
ALTER TABLE requests DROP COLUMN shown_url, DROP COLUMN shown_headers, DROP COLUMN shown_body;

// Package migrations embeds the database schema: numbered SQL files, applied in order by
// internal/postgres.
package migrations

import "embed"

// FS holds the files.
//
//go:embed *.sql
var FS embed.FS

// Package sqlite3 is a stub: SQLite's error codes that the server names.
package sqlite3

const (
	SQLITE_CONSTRAINT            = 19
	SQLITE_CONSTRAINT_PRIMARYKEY = 1555
	SQLITE_CONSTRAINT_UNIQUE     = 2067
)

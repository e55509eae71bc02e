// Package sqlite is a stub: the server's plugin for SQLite is linked, never used.
package sqlite

type Error struct{}

func (*Error) Error() string { return "SQLite is not available in devstack" }

func (*Error) Code() int { return 0 }

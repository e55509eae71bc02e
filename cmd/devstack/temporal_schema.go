//go:build !notemporal

package main

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/lib/pq"
	temporalconfig "go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/tools/common/schema"
	sqltool "go.temporal.io/server/tools/sql"
)

// setUpSchemas makes both databases and brings them to the version that the server needs. The
// server's module embeds the schemas; its own tool would end the process on an error.
func setUpSchemas(main, visibility *temporalconfig.SQL) error {
	for _, s := range []struct {
		db   *temporalconfig.SQL
		name string
	}{
		{main, "postgresql/v12/temporal"},
		{visibility, "postgresql/v12/visibility"},
	} {
		if err := setUpSchema(*s.db, s.name); err != nil {
			return fmt.Errorf("schema of database %s: %w", s.db.DatabaseName, err)
		}
	}
	return nil
}

func setUpSchema(db temporalconfig.SQL, name string) error {
	logger := log.NewNoopLogger() // otherwise every statement is printed
	create := db
	if err := sqltool.DoCreateDatabase(&create, "postgres", logger); err != nil {
		return err
	}
	conn, err := sqltool.NewConnection(&db, logger)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ReadSchemaVersion(); err != nil {
		if err := schema.NewSetupSchemaTask(conn, &schema.SetupConfig{InitialVersion: "0.0"}, logger).Run(); err != nil {
			return err
		}
	}
	return schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{SchemaName: name}, logger).Run()
}

// usedIndexes are those that the server and the UI's own lists need, of 73 on
// executions_visibility. All indexes together would cost two thirds of what one call of ours
// writes.
var usedIndexes = map[string]bool{
	"default_idx":                    true, // the order of every list
	"by_workflow_id":                 true,
	"by_workflow_type":               true,
	"by_status":                      true,
	"by_parent_workflow_id":          true, // the UI's relationships
	"by_temporal_namespace_division": true, // schedules and other internal lists
	"by_temporal_scheduled_by_id":    true, // a schedule's runs
}

// trimVisibility drops the other indexes, but keeps or makes those of the namespace's search
// attributes. The column of an attribute is random.
func trimVisibility(ctx context.Context, pg *postgres, aliases map[string]string) error {
	db, err := sql.Open("postgres", pg.url("temporal_visibility"))
	if err != nil {
		return err
	}
	defer db.Close()
	var create []string
	keep := []string{"executions_visibility_pkey"}
	for index := range usedIndexes {
		keep = append(keep, index)
	}
	for column := range aliases {
		index, ok := indexName(column)
		if !ok {
			continue
		}
		keep = append(keep, index)
		create = append(create, fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON executions_visibility (namespace_id, %s, "+
			"(COALESCE(close_time, '9999-12-31 23:59:59')) DESC, start_time DESC, run_id)", index, column))
	}
	var drop string // empty if nothing is to be done
	err = db.QueryRowContext(ctx, `SELECT coalesce('DROP INDEX ' || string_agg(quote_ident(indexname), ', '), '')
		FROM pg_indexes WHERE tablename = 'executions_visibility' AND indexname <> ALL ($1)`, pq.Array(keep)).Scan(&drop)
	if err != nil {
		return fmt.Errorf("indexes of the visibility database: %w", err)
	}
	for _, statement := range append(create, drop) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("indexes of the visibility database: %s: %w", statement, err)
		}
	}
	return nil
}

// plainColumn matches the columns whose index has the plain form: neither text nor lists.
var plainColumn = regexp.MustCompile(`^(Keyword|Int|Bool|Double|Datetime)(\d\d)$`)

// indexName is the schema's name of the index: by_keyword_01 for Keyword01.
func indexName(column string) (string, bool) {
	match := plainColumn.FindStringSubmatch(column)
	if match == nil {
		return "", false
	}
	return "by_" + strings.ToLower(match[1]) + "_" + match[2], true
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/api"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
)

// withDatabase runs an administrative command on the database that the environment names.
func withDatabase(cmd *cobra.Command, do func(context.Context, *postgres.DB) error) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	if c.DatabaseURL == "" {
		return errors.New("FORGEHOOK_DATABASE_URL is not set: give PostgreSQL as postgres://user:password@host:port/database")
	}
	db, err := postgres.Open(cmd.Context(), c.DatabaseURL, postgres.Options{MaxConnections: 2})
	if err != nil {
		return fmt.Errorf("PostgreSQL cannot be reached (FORGEHOOK_DATABASE_URL): %w", err)
	}
	return errors.Join(do(cmd.Context(), db), db.Close())
}

func migrateCommand() *cobra.Command {
	return group("migrate", "Migrate the database schema up or one step down, or show its state",
		&cobra.Command{Use: "up", Short: "Apply all migrations", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *postgres.DB) error { return db.Migrate(ctx) })
		}},
		&cobra.Command{Use: "down", Short: "Undo the last migration; its data is lost", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *postgres.DB) error { return db.MigrateDown(ctx) })
		}},
		&cobra.Command{Use: "status", Short: "List migrations and when they were applied", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *postgres.DB) error {
				migrations, err := db.MigrationStatus(ctx)
				if err != nil {
					return err
				}
				table := newTable(cmd, "VERSION", "NAME", "APPLIED")
				for _, m := range migrations {
					applied := "pending"
					if m.AppliedAt != nil {
						applied = m.AppliedAt.UTC().Format(time.RFC3339)
					}
					table.row(fmt.Sprint(m.Version), m.Name, applied)
				}
				return table.flush()
			})
		}},
	)
}

func tenantsCommand() *cobra.Command {
	return group("tenants", "Make and list tenants",
		&cobra.Command{Use: "create NAME", Short: "Make a tenant and print its owner's key once", Args: oneName, RunE: func(cmd *cobra.Command, args []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *postgres.DB) error {
				tenant, err := db.CreateTenant(ctx, args[0])
				if err != nil {
					return err
				}
				cmd.PrintErrf("tenant %s (%s); its owner's key, shown only now:\n", tenant.Name, tenant.ID)
				return printNewKey(cmd, db, tenant.ID, forgehook.APIKey{Name: "owner", Roles: []forgehook.Role{forgehook.Owner}})
			})
		}},
		&cobra.Command{Use: "list", Short: "List tenants", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *postgres.DB) error {
				tenants, err := db.Tenants(ctx)
				if err != nil {
					return err
				}
				table := newTable(cmd, "ID", "NAME", "CREATED")
				for _, t := range tenants {
					table.row(string(t.ID), t.Name, t.CreatedAt.String())
				}
				return table.flush()
			})
		}},
	)
}

func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("give one name: %s acme", cmd.CommandPath())
	}
	return nil
}

func keysCommand() *cobra.Command {
	cmd := group("keys", "Make, list and revoke API keys")
	var tenant string
	cmd.PersistentFlags().StringVar(&tenant, "tenant", "", "name of the tenant")
	_ = cmd.MarkPersistentFlagRequired("tenant") // fails only for an unknown flag
	inTenant := func(cmd *cobra.Command, do func(context.Context, *postgres.DB, forgehook.TenantID) error) error {
		return withDatabase(cmd, func(ctx context.Context, db *postgres.DB) error {
			t, err := db.TenantByName(ctx, tenant)
			if err != nil {
				return err
			}
			return do(ctx, db, t.ID)
		})
	}

	var name string
	var roles []string
	var expiresIn time.Duration
	create := &cobra.Command{Use: "create", Short: "Make a key and print it once", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		key := forgehook.APIKey{Name: name}
		for _, r := range roles {
			i := slices.IndexFunc(forgehook.Roles, func(role forgehook.Role) bool { return strings.EqualFold(string(role), r) })
			if i < 0 {
				return fmt.Errorf("--role %q: one of %v", r, forgehook.Roles)
			}
			key.Roles = append(key.Roles, forgehook.Roles[i])
		}
		if expiresIn < 0 {
			return fmt.Errorf("--expires-in %s: more than 0", expiresIn)
		}
		if expiresIn > 0 {
			key.ExpiresAt = &forgehook.Time{Time: time.Now().Add(expiresIn).UTC()}
		}
		return inTenant(cmd, func(_ context.Context, db *postgres.DB, tenant forgehook.TenantID) error {
			return printNewKey(cmd, db, tenant, key)
		})
	}}
	create.Flags().StringVar(&name, "name", "", "what the key is for")
	create.Flags().StringSliceVar(&roles, "role", []string{string(forgehook.Caller)}, "role; may be repeated")
	create.Flags().DurationVar(&expiresIn, "expires-in", 0, "lifetime, such as 720h; 0: no end")
	_ = create.MarkFlagRequired("name") // fails only for an unknown flag

	list := &cobra.Command{Use: "list", Short: "List keys", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return inTenant(cmd, func(ctx context.Context, db *postgres.DB, tenant forgehook.TenantID) error {
			table := newTable(cmd, "ID", "NAME", "STARTS WITH", "ROLES", "EXPIRES")
			for page := (forgehook.Page{Limit: 200}); ; {
				keys, next, err := db.Keys(ctx, tenant, page)
				if err != nil {
					return err
				}
				for _, k := range keys {
					expires := "never"
					if k.ExpiresAt != nil {
						expires = k.ExpiresAt.String()
					}
					table.row(k.ID, k.Name, k.Prefix, fmt.Sprint(k.Roles), expires)
				}
				if page.Cursor = next; next == "" {
					return table.flush()
				}
			}
		})
	}}
	revoke := &cobra.Command{Use: "revoke ID", Short: "End a key at once", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return inTenant(cmd, func(ctx context.Context, db *postgres.DB, tenant forgehook.TenantID) error {
			return db.RevokeKey(ctx, tenant, args[0])
		})
	}}
	cmd.AddCommand(create, list, revoke)
	return cmd
}

// printNewKey makes a key. Only the key goes to standard output, so that it can be piped.
func printNewKey(cmd *cobra.Command, db *postgres.DB, tenant forgehook.TenantID, key forgehook.APIKey) error {
	plain, err := newKey(cmd.Context(), db, tenant, key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), plain)
	return err
}

func newKey(ctx context.Context, db *postgres.DB, tenant forgehook.TenantID, key forgehook.APIKey) (string, error) {
	plain, prefix, hash, err := secret.NewAPIKey()
	if err != nil {
		return "", err
	}
	key.Prefix = prefix
	_, err = db.CreateKey(ctx, tenant, key, hash)
	return plain, err
}

func keysetCommand() *cobra.Command {
	printKeyset := func(cmd *cobra.Command, keyset string, err error) error {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), keyset)
		return err
	}
	return group("keyset", "Make the key set that seals secrets, or give it a new key",
		&cobra.Command{Use: "new", Short: "Print a new key set for FORGEHOOK_ENCRYPTION_KEYSET", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			keyset, err := secret.NewKeyset()
			return printKeyset(cmd, keyset, err)
		}},
		&cobra.Command{Use: "rotate", Short: "Print FORGEHOOK_ENCRYPTION_KEYSET with a new key that seals from now on; the old keys still open", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			keyset, err := c.keyset()
			if err != nil {
				return err
			}
			rotated, err := secret.Rotate(keyset)
			return printKeyset(cmd, rotated, err)
		}},
	)
}

func openapiCommand() *cobra.Command {
	return &cobra.Command{Use: "openapi", Short: "Print the API's OpenAPI document", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		document, err := api.OpenAPI()
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(document)
		return err
	}}
}

// table prints aligned columns to standard output.
type table struct{ w *tabwriter.Writer }

func newTable(cmd *cobra.Command, header ...string) table {
	t := table{tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)}
	t.row(header...)
	return t
}

func (t table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t table) flush() error { return t.w.Flush() }

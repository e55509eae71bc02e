package forgehook

import "slices"

// Role is what an API key may do.
type Role string

// The roles, as on the platform plus three of ours.
const (
	Owner         Role = "Owner"
	Administrator Role = "Administrator"
	Developer     Role = "Developer"
	Operator      Role = "Operator"
	Caller        Role = "Caller"
	Viewer        Role = "Viewer"
)

// Roles lists every role.
var Roles = []Role{Owner, Administrator, Developer, Operator, Caller, Viewer}

// Permission is what a route asks of a key.
type Permission string

// The permissions and, in [Role.May], who has them.
const (
	MayRead       Permission = "read"
	MayCall       Permission = "call"       // calls, and storing the documents they are about
	MayOperate    Permission = "operate"    // retry, cancel, pause, resume
	MayConfigure  Permission = "configure"  // projects, services, utilities, settings
	MayAdminister Permission = "administer" // API keys
)

// May reports whether a role has a permission.
func (r Role) May(p Permission) bool {
	switch p {
	case MayRead:
		return slices.Contains(Roles, r)
	case MayCall:
		return r != Viewer && slices.Contains(Roles, r)
	case MayOperate:
		return r == Owner || r == Administrator || r == Developer || r == Operator
	case MayConfigure:
		return r == Owner || r == Administrator || r == Developer
	case MayAdminister:
		return r == Owner || r == Administrator
	}
	return false
}

// TenantID names a tenant: a UUID. Every query of tenant data takes one.
type TenantID string

// APIKey lets a client in. The key itself is shown once, when it is made; here is only its hash's owner.
type APIKey struct {
	ID        string   `json:"id"` // UUIDv7
	Tenant    TenantID `json:"-"`
	Name      string   `json:"name"`
	Roles     []Role   `json:"roles"`
	Prefix    string   `json:"prefix"` // first characters, to recognise it
	CreatedAt Time     `json:"createdAt"`
	ExpiresAt *Time    `json:"expiresAt"`
}

// May reports whether any role of the key has a permission.
func (k *APIKey) May(p Permission) bool {
	return slices.ContainsFunc(k.Roles, func(r Role) bool { return r.May(p) })
}

// Page selects a part of a list.
type Page struct {
	Limit  int    // 1 to 200; 0 is 50
	Cursor string // nextCursor of the page before, "" for the first
}

package forgehook

import (
	"encoding/json"
	"slices"
)

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

// Permission is what a route requires of a key.
type Permission string

// The permissions. [Role.May] says who has them.
const (
	MayRead       Permission = "read"
	MayCall       Permission = "call"       // calls, and storing the documents they are about
	MayOperate    Permission = "operate"    // retry, cancel, pause, resume
	MayConfigure  Permission = "configure"  // projects, services, utilities, settings
	MayAdminister Permission = "administer" // API keys
)

// May reports whether a role has the permission.
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

// APIKey describes a key that lets a client in. The key itself is shown once, when it is made.
type APIKey struct {
	ID        string   `json:"id"` // UUIDv7
	Tenant    TenantID `json:"-"`
	Name      string   `json:"name"`
	Roles     []Role   `json:"roles"`
	Prefix    string   `json:"prefix"` // its first characters, to recognise it
	CreatedAt Time     `json:"createdAt"`
	ExpiresAt *Time    `json:"expiresAt"`
}

// May reports whether any role of the key has the permission.
func (k *APIKey) May(p Permission) bool {
	return slices.ContainsFunc(k.Roles, func(r Role) bool { return r.May(p) })
}

// Page selects a part of a list.
type Page struct {
	Limit  int    // 1 to 200; 0 is 50
	Cursor string // nextCursor of the previous page, "" for the first
}

// Project owns services, categories and documents. The platform also calls it an agent.
type Project struct {
	ID          int32         `json:"id"`
	UserID      *string       `json:"userId"`
	Status      ProjectStatus `json:"status"`
	Name        *string       `json:"name"`
	Description *string       `json:"description"`
	Comment     *string       `json:"comment"`
	DTC         *Time         `json:"dtc"`
	DTM         *Time         `json:"dtm"`
}

// Service processes documents of a project. A utility is a service attached to a parent service.
type Service struct {
	ID            int32              `json:"id"`
	ProjectID     int32              `json:"projectId"`
	ServiceTypeID *int32             `json:"serviceTypeId"`
	ServiceID     *int32             `json:"serviceId"` // of a utility: its parent service
	Name          *string            `json:"name"`
	Label         *string            `json:"label"`
	Description   *string            `json:"description"`
	Tags          *string            `json:"tags"`
	Category      DefinitionCategory `json:"category"`
	Index         *int32             `json:"index"` // order among the utilities of one service
	DTC           *Time              `json:"dtc"`
	DTM           *Time              `json:"dtm"`
	Input         *string            `json:"input,omitempty"`         // CEL that makes a Document of a sender's JSON
	InputSample   json.RawMessage    `json:"inputSample,omitempty"`   // a sender's JSON, to check input when it is saved
	InputLanguage Language           `json:"inputLanguage,omitempty"` // of input; 0 is the first
}

// Category classifies documents of a project. The platform also calls it a class; documents name it
// by classId.
type Category struct {
	ID          int32           `json:"id"`
	ProjectID   int32           `json:"projectId"`
	UserID      *string         `json:"userId"`
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	Comment     *string         `json:"comment"`
	DTC         *Time           `json:"dtc"`
	DTM         *Time           `json:"dtm"`
	Type        *int32          `json:"type"`
	Status      *CategoryStatus `json:"status"`
	Related     *int32          `json:"related"`
	Reference   *string         `json:"reference"`
}

// WebHookServiceType is the platform's number of WebHook utilities.
const WebHookServiceType int32 = 87

// ParameterDef defines a field of a service's documents.
type ParameterDef struct {
	ID            int32              `json:"id"`
	ProjectID     *int32             `json:"projectId"`
	ServiceID     *int32             `json:"serviceId"`
	ServiceTypeID *int32             `json:"serviceTypeId"`
	ClassID       *int32             `json:"classId"`
	ParentID      *int32             `json:"parentId"`
	Name          *string            `json:"name"`
	Label         *string            `json:"label"`
	Tags          *string            `json:"tags"`
	Description   *string            `json:"description"`
	DTC           *Time              `json:"dtc"`
	DTM           *Time              `json:"dtm"`
	Status        DefinitionStatus   `json:"status"`
	Category      DefinitionCategory `json:"category"`
	Grouping      GroupingType       `json:"grouping"`
	ValueType     ValueType          `json:"valueType"`
	DefaultValue  *string            `json:"defaultValue"` // a string for every value type
	Required      RequiredOption     `json:"required"`
	Index         *int32             `json:"index"`
	Info          *string            `json:"info"`
	Reference     *string            `json:"reference"`
	Availability  *Availability      `json:"availability"`
	IsEnabled     *bool              `json:"isEnabled"`
	Children      []ParameterDef     `json:"children,omitempty"`
}

// WorkItem is a task for a person about a document or a field.
type WorkItem struct {
	ID                int32           `json:"id"`
	ProjectID         *int32          `json:"projectId"`
	UserID            *string         `json:"userId"`
	GroupID           *int32          `json:"groupId"`
	ServiceID         *int32          `json:"serviceId"`
	DocumentID        *int32          `json:"documentId"`
	DefID             *int32          `json:"defId"`
	ShredID           *int32          `json:"shredId"` // DocumentParameter
	VerificationID    *int32          `json:"verificationId"`
	TransactionID     *int32          `json:"transactionId"`
	WorkItemID        *int32          `json:"workItemId"` // parent
	Type              WorkItemType    `json:"type"`
	Action            WorkItemAction  `json:"action"`
	Status            WorkItemStatus  `json:"status"`
	Method            *WorkItemMethod `json:"method"`
	Reason            WorkItemReason  `json:"reason"`
	ReasonLookup      *int32          `json:"reasonLookup"`
	ReasonRecord      *int32          `json:"reasonRecord"`
	ReasonCode        *string         `json:"reasonCode"`
	ReasonDescription *string         `json:"reasonDescription"`
	ReasonComment     *string         `json:"reasonComment"`
	Info              *string         `json:"info"`
	Comment           *string         `json:"comment"`
	DTC               *Time           `json:"dtc"`
	DTM               *Time           `json:"dtm"`
	DueDate           *Time           `json:"dueDate"`
	Open              *Time           `json:"open"`
	Closed            *Time           `json:"closed"`
	Duration          *TimeSpan       `json:"duration"`
	DocCategory       *int32          `json:"docCategory"`
}

// Subject is what a call is about, frozen when the call is accepted. Document is always set.
// Project and Service are those of the utility's parent.
type Subject struct {
	Document       *Document          `json:"document"`
	MasterDocument *Document          `json:"masterDocument"`
	Parameter      *DocumentParameter `json:"parameter"`
	ParameterDef   *ParameterDef      `json:"parameterDef"`
	Verification   *Verification      `json:"verification"`
	WorkItem       *WorkItem          `json:"workItem"`
	Project        *Project           `json:"project"`
	Service        *Service           `json:"service"`
	Category       *Category          `json:"category,omitempty"` // of the document, if it is stored; in no payload
	Cause          *Cause             `json:"call,omitempty"`     // the call whose event fired this one
}

// Utility is a WebHook utility: a service attached to a parent service, with its settings.
type Utility struct {
	ID              int32    `json:"id"` // the webHookServiceId of calls
	Type            string   `json:"type"`
	Name            string   `json:"name"`
	ProjectID       int32    `json:"projectId"`
	ServiceID       int32    `json:"serviceId"` // the parent
	Index           int32    `json:"index"`     // order among the utilities of one service
	Settings        Settings `json:"settings"`
	SettingsVersion int      `json:"settingsVersion"`
	PausedAt        *Time    `json:"pausedAt"`
	Draining        bool     `json:"draining"` // resumed, and still releasing held calls in order
	HeldBy          *string  `json:"heldBy"`   // the call whose failure paused it (onFailure hold)
	CreatedAt       Time     `json:"createdAt"`
	UpdatedAt       Time     `json:"updatedAt"`
}

// UtilityType is the only type of utility.
const UtilityType = "WebHook"

// SettingsVersion is one version of a utility's settings. Versions never change.
type SettingsVersion struct {
	Version   int      `json:"version"`
	Settings  Settings `json:"settings"`
	CreatedAt Time     `json:"createdAt"`
	CreatedBy *string  `json:"createdBy"` // id of an API key
}

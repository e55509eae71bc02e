package forgehook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The platform's enums travel as integers. Names in any case are accepted too. An integer without a
// name is kept, since the platform adds values without notice.
type (
	DocumentStatus     int32
	UsageType          int32
	VerificationStatus int32 // flags
	VerificationType   int32
	ValueType          int32
	DefinitionCategory int32
	DefinitionStatus   int32
	GroupingType       int32
	RequiredOption     int32 // flags
	Availability       int32
	CategoryStatus     int32
	DocumentDataType   int32
	ProjectStatus      int32
	WorkItemStatus     int32
	WorkItemType       int32
	WorkItemAction     int32
	WorkItemMethod     int32
	WorkItemReason     int32
	Method             int32 // HTTP method of a webhook; the numbers are ours, the platform shows names only
)

// The values that rules branch on.
const (
	StatusProcessed DocumentStatus     = 10
	UsageInbox      UsageType          = 2
	UsageOutbox     UsageType          = 3
	ValuePassword   ValueType          = 10
	ValueSecure     ValueType          = 11
	CategoryService DefinitionCategory = 2
	GroupingTable   GroupingType       = 3
	GroupingColumn  GroupingType       = 5

	MethodGet     Method = 0
	MethodPost    Method = 1
	MethodPut     Method = 2
	MethodHead    Method = 3
	MethodDelete  Method = 4
	MethodPatch   Method = 5
	MethodOptions Method = 6
	MethodConnect Method = 7
)

// enumNames is the table of one enum: names by number, in the platform's order.
type enumNames struct {
	kind   string
	flags  bool
	values []enumValue
}

type enumValue struct {
	number int32
	name   string
}

// table reads "0 None, 3 Received", the notation of the platform's documentation.
func table(kind, list string) *enumNames {
	e := &enumNames{kind: kind}
	for _, pair := range strings.Split(list, ", ") {
		number, name, _ := strings.Cut(pair, " ")
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || name == "" {
			panic(fmt.Sprintf("enum %s: %q is no pair of number and name", kind, pair))
		}
		e.values = append(e.values, enumValue{int32(n), name})
	}
	return e
}

func flags(kind, list string) *enumNames {
	e := table(kind, list)
	e.flags = true
	return e
}

// The numbers come from the platform's .NET models of 10/2025.
var (
	documentStatuses = table("DocumentStatus", "0 None, 3 Received, 4 Analyzed, 5 Trained, 8 Processing, 9 Verification, 10 Processed, "+
		"11 Queued, 12 Verifying, 13 InterimProcessed, 81 InsufficientBalance, 90 Error, 98 Archive, 99 Deleted, 103 CustomReceived, "+
		"108 CustomBusy, 109 CustomVerification, 110 CustomProcessed, 120 CustomVerified, 121 CustomReleased, 122 CustomExport, 190 CustomError")
	usageTypes = table("UsageType", "0 Definition, 1 Training, 2 Inbox, 3 Outbox, 4 Label, 10 DataSet, 90 System, 98 Sample, 99 Preview")
	// 0 is no flag at all, written None.
	verificationStatuses = flags("VerificationStatus", "0 None, 1 Required, 2 Suspicious, 4 DefaultUsed, 8 Verified, 16 Bypassed, 32 Error, "+
		"64 Done, 128 Success, 256 RangeProblem, 512 IsValid, 1024 Warnings, 2048 Service, 4096 Training, 8192 Scripted, 16384 Deleted, 32768 Abort")
	verificationTypes = table("VerificationType", "0 None, 1 Provider, 2 System, 3 User, 4 Service, 5 Training, 6 RPA, 7 API, 8 DataSet")
	valueTypes        = table("ValueType", "0 None, 1 String, 2 Number, 3 Currency, 4 Boolean, 5 DateTime, 6 TimeSpan, 7 Email, 8 Enum, 9 Picture, "+
		"10 Password, 11 SecureString, 12 Address, 13 IDNo, 14 Country, 15 Code, 17 TelephoneNo, 18 GPS, 19 ServiceType, 20 Service, 21 Project, "+
		"90 Data, 91 DataSet, 98 System, 99 Unknown")
	definitionCategories = table("ParameterDefinitionCategory", "0 None, 1 Setting, 2 Service, 3 Statistics, 4 Results, 5 Dependency, "+
		"6 Verification, 7 DataSet, 20 PreProcessor, 21 Processor, 22 PostProcessor, 40 Extraction")
	definitionStatuses = table("ParameterDefinitionStatus", "0 Default, 99 Deleted")
	groupingTypes      = table("GroupingType", "0 None, 1 Page, 2 Cluster, 3 Table, 4 Row, 5 Column, 7 Paragraph, 8 Line, 9 Word, 10 Array, "+
		"11 Form, 12 Field, 13 Anchor, 99 Unknown")
	requiredOptions = flags("RequiredOption", "0 None, 1 Required, 2 Optional, 4 UseDefault, 8 UseBestFit, 16 Hidden, 32 Utility, "+
		"64 VerificationService, 128 Trained, 256 Conditional, 512 DataSet")
	availabilities    = table("Availability", "9 Hidden, 99 Deleted")
	categoryStatuses  = table("CategoryStatus", "0 Enabled, 1 Disabled, 99 Deleted")
	documentDataTypes = table("DocumentDataType", "0 Image, 1 Result, 2 Page, 3 Backup, 10 Definition, 11 Training")
	projectStatuses   = table("ProjectStatus", "0 None, 1 Active, 2 Disabled, 3 Billing, 10 Requested, 11 Verification, 20 Rejected, 90 Deleted, 99 Error")
	workItemStatuses  = table("WorkItemStatus", "0 None, 1 Created, 2 Completed, 3 EscalateTx, 4 EscalateRx, 5 Transfer, 6 Received, 8 Verified, "+
		"9 RelatedVerified, 10 Rejected, 90 Deleted, 91 DocumentDeleted, 99 Error")
	workItemTypes   = table("WorkItemType", "0 None, 1 Document, 2 Shred, 3 DataSet, 4 Support, 99 Error")
	workItemActions = table("WorkItemAction", "0 None, 1 Verify, 2 Investigate, 3 Forensic, 4 Fraudulant, 5 Classify, 6 QA, 10 Reprocess") //nolint:misspell // the platform's spelling
	workItemMethods = table("WorkItemMethod", "0 Random, 1 HighThroughput, 2 Idle, 3 ProjectOwner, 4 DocumentOwner, 5 User")
	workItemReasons = table("WorkItemReason", "0 NA, 1 DataSet, 2 Enum, 3 Other")
	methods         = table("Method", "0 GET, 1 POST, 2 PUT, 3 HEAD, 4 DELETE, 5 PATCH, 6 OPTIONS, 7 CONNECT")
)

// name is the name of a number, nil if it has none. Flags are joined: "Required, Suspicious".
func (e *enumNames) name(number int32) *string {
	for _, v := range e.values {
		if v.number == number {
			return &v.name
		}
	}
	if !e.flags {
		return nil
	}
	var set []string
	rest := number
	for _, v := range e.values {
		if v.number != 0 && number&v.number == v.number {
			set, rest = append(set, v.name), rest&^v.number
		}
	}
	if rest != 0 {
		return nil
	}
	joined := strings.Join(set, ", ")
	return &joined
}

// text is the name of a number, or the number if it has none.
func (e *enumNames) text(number int32) string {
	if name := e.name(number); name != nil {
		return *name
	}
	return strconv.Itoa(int(number))
}

// parse reads a number or a name in any case; flags may be joined with commas.
func (e *enumNames) parse(s string) (int32, error) {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return int32(n), nil
	}
	var number int32
	parts := []string{s}
	if e.flags {
		parts = strings.Split(s, ",")
	}
	for _, part := range parts {
		i := slices.IndexFunc(e.values, func(v enumValue) bool { return strings.EqualFold(v.name, strings.TrimSpace(part)) })
		if i < 0 {
			return 0, fmt.Errorf("%s", e.allowed(part))
		}
		number |= e.values[i].number
	}
	return number, nil
}

// allowed says which values are allowed, and which one was probably meant.
func (e *enumNames) allowed(got string) string {
	list := "one of " + strings.Join(e.names(), ", ") + ", or the number"
	if near := Nearest(got, e.names()); near != "" {
		return fmt.Sprintf("did you mean %q? Allowed: %s", near, list)
	}
	return list
}

func (e *enumNames) names() []string {
	names := make([]string, len(e.values))
	for i, v := range e.values {
		names[i] = v.name
	}
	return names
}

// EnumTable is one enum with its names and numbers.
type EnumTable struct{ enum *enumNames }

// EnumTables are all enums, sorted by kind.
func EnumTables() []EnumTable {
	return []EnumTable{
		{availabilities}, {categoryStatuses}, {documentDataTypes}, {documentStatuses}, {groupingTypes}, {methods},
		{definitionCategories}, {definitionStatuses}, {projectStatuses}, {requiredOptions}, {usageTypes}, {valueTypes},
		{verificationStatuses}, {verificationTypes}, {workItemActions}, {workItemMethods}, {workItemReasons}, {workItemStatuses}, {workItemTypes},
	}
}

// EnumTableOf is the table of a value's type; ok is false if that is no enum.
func EnumTableOf(value any) (t EnumTable, ok bool) {
	e, ok := value.(enum)
	if !ok {
		return EnumTable{}, false
	}
	return EnumTable{e.names()}, true
}

// Kind is the platform's name of the enum, "DocumentStatus".
func (t EnumTable) Kind() string { return t.enum.kind }

// Names lists the names in the order of their numbers.
func (t EnumTable) Names() []string { return t.enum.names() }

// Number is the number of a name in any case.
func (t EnumTable) Number(name string) (int32, error) { return t.enum.parse(name) }

// Name is the name of a number, flags joined as "Required, Suspicious"; nil if it has none.
func (t EnumTable) Name(number int32) *string { return t.enum.name(number) }

// enum is implemented by every enum type.
type enum interface{ names() *enumNames }

func (DocumentStatus) names() *enumNames     { return documentStatuses }
func (UsageType) names() *enumNames          { return usageTypes }
func (VerificationStatus) names() *enumNames { return verificationStatuses }
func (VerificationType) names() *enumNames   { return verificationTypes }
func (ValueType) names() *enumNames          { return valueTypes }
func (DefinitionCategory) names() *enumNames { return definitionCategories }
func (DefinitionStatus) names() *enumNames   { return definitionStatuses }
func (GroupingType) names() *enumNames       { return groupingTypes }
func (RequiredOption) names() *enumNames     { return requiredOptions }
func (CategoryStatus) names() *enumNames     { return categoryStatuses }
func (Availability) names() *enumNames       { return availabilities }
func (DocumentDataType) names() *enumNames   { return documentDataTypes }
func (ProjectStatus) names() *enumNames      { return projectStatuses }
func (WorkItemStatus) names() *enumNames     { return workItemStatuses }
func (WorkItemType) names() *enumNames       { return workItemTypes }
func (WorkItemAction) names() *enumNames     { return workItemActions }
func (WorkItemMethod) names() *enumNames     { return workItemMethods }
func (WorkItemReason) names() *enumNames     { return workItemReasons }
func (Method) names() *enumNames             { return methods }

// String returns the status' name, or its number if it has none.
func (s DocumentStatus) String() string { return documentStatuses.text(int32(s)) }

// String returns the usage's name, or its number if it has none.
func (u UsageType) String() string { return usageTypes.text(int32(u)) }

// String returns the method as HTTP spells it.
func (m Method) String() string { return methods.text(int32(m)) }

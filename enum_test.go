package forgehook

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEnum_decode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want DocumentStatus
		bad  string // part of what is allowed
	}{
		{`10`, StatusProcessed, ""}, {`10.0`, StatusProcessed, ""}, {`"10"`, StatusProcessed, ""}, {`"Processed"`, StatusProcessed, ""},
		{`"pROCESSED"`, StatusProcessed, ""}, {`"CustomError"`, 190, ""}, {`77`, 77, ""}, {`-1`, -1, ""}, {`null`, 0, ""},
		{`"Procezzed"`, 0, `did you mean "Processed"?`}, {`"Exception"`, 0, "one of None, Received, "}, {`""`, 0, "one of "}, {`true`, 0, "one of "},
		{`2147483648`, 0, "one of "}, {`1.5`, 0, "one of "}, {`[10]`, 0, "one of "}, {`"Processed, Error"`, 0, "one of "},
	}
	for _, tt := range tests {
		var got struct {
			Status DocumentStatus `json:"status"`
		}
		err := Decode([]byte(`{"status":`+tt.in+`}`), &got)
		if tt.bad == "" {
			if err != nil || got.Status != tt.want {
				t.Errorf("%s: got %v, %v", tt.in, got.Status, err)
			}
			continue
		}
		if faults := faultsOf(t, err); len(faults) != 1 || !strings.HasPrefix(faults[0], "status | ") || !strings.Contains(faults[0], tt.bad) {
			t.Errorf("%s: got %q", tt.in, faults)
		}
	}
}

func TestEnum_names(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		e    *enumNames
		n    int32
		want string
	}{
		{documentStatuses, 13, "InterimProcessed"}, {documentStatuses, 77, ""}, {usageTypes, 3, "Outbox"}, {workItemActions, 10, "Reprocess"},
		{verificationStatuses, 0, "None"}, {verificationStatuses, 3, "Required, Suspicious"}, {verificationStatuses, 32768, "Abort"},
		{verificationStatuses, 65536, ""}, {verificationStatuses, 65537, ""}, {requiredOptions, 5, "Required, UseDefault"}, {methods, 5, "PATCH"},
	} {
		got := ""
		if name := tt.e.name(tt.n); name != nil {
			got = *name
		}
		if got != tt.want {
			t.Errorf("%s %d: got %q, want %q", tt.e.kind, tt.n, got, tt.want)
		}
	}
	if n, err := verificationStatuses.parse("suspicious, Required"); n != 3 || err != nil {
		t.Errorf("flags: got %d, %v", n, err)
	}
	if DocumentStatus(77).String() != "77" || UsageOutbox.String() != "Outbox" || MethodDelete.String() != "DELETE" {
		t.Error("String is not the name, or the number where there is none")
	}
}

// The constants that rules branch on have the numbers of their names.
func TestEnum_constants(t *testing.T) {
	t.Parallel()
	type named struct {
		of   enum
		n    int32
		name string
	}
	for _, c := range []named{
		{StatusProcessed, int32(StatusProcessed), "Processed"}, {UsageInbox, int32(UsageInbox), "Inbox"}, {UsageOutbox, int32(UsageOutbox), "Outbox"},
		{ValuePassword, int32(ValuePassword), "Password"}, {ValueSecure, int32(ValueSecure), "SecureString"}, {GroupingTable, int32(GroupingTable), "Table"},
		{GroupingColumn, int32(GroupingColumn), "Column"}, {MethodGet, int32(MethodGet), "GET"}, {MethodPost, int32(MethodPost), "POST"},
		{MethodPut, int32(MethodPut), "PUT"}, {MethodHead, int32(MethodHead), "HEAD"}, {MethodDelete, int32(MethodDelete), "DELETE"},
		{MethodPatch, int32(MethodPatch), "PATCH"}, {MethodOptions, int32(MethodOptions), "OPTIONS"}, {MethodConnect, int32(MethodConnect), "CONNECT"},
	} {
		if got := c.of.names().text(c.n); got != c.name {
			t.Errorf("%d: got %s, want %s", c.n, got, c.name)
		}
	}
}

// Every entity shows the name beside each of its enums.
func TestEnum_namesInJSON(t *testing.T) {
	t.Parallel()
	hidden, page, five := Availability(9), DocumentDataType(2), WorkItemMethod(5)
	status := DocumentStatus(13)
	for _, tt := range []struct {
		v    any
		want map[string]any
	}{
		{Document{Status: 10, Usage: 3, Availability: &hidden, LatestChildStatus: &status}, map[string]any{
			"status": 10.0, "statusName": "Processed", "usage": 3.0, "usageName": "Outbox", "availabilityName": "Hidden", "latestChildStatusName": "InterimProcessed"}},
		{Document{Status: 77}, map[string]any{"status": 77.0, "statusName": nil}},
		{DocumentParameter{Availability: &hidden}, map[string]any{"availability": 9.0, "availabilityName": "Hidden"}},
		{Verification{Type: 1, Status: 3}, map[string]any{"typeName": "Provider", "statusName": "Required, Suspicious"}},
		{DocumentData{Type: &page}, map[string]any{"type": 2.0, "typeName": "Page"}},
		{ParameterDef{Category: 4, Grouping: 3, ValueType: 10, Required: 5, Status: 99, Availability: &hidden}, map[string]any{
			"categoryName": "Results", "groupingName": "Table", "valueTypeName": "Password", "requiredName": "Required, UseDefault", "statusName": "Deleted", "availabilityName": "Hidden"}},
		{Project{Status: 1}, map[string]any{"status": 1.0, "statusName": "Active"}},
		{Service{Category: 22}, map[string]any{"category": 22.0, "categoryName": "PostProcessor"}},
		{WorkItem{Type: 1, Action: 10, Status: 4, Method: &five, Reason: 2}, map[string]any{
			"typeName": "Document", "actionName": "Reprocess", "statusName": "EscalateRx", "methodName": "User", "reasonName": "Enum"}},
	} {
		b, err := json.Marshal(tt.v)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		for name, want := range tt.want {
			have, there := got[name]
			if !there || have != want {
				t.Errorf("%T.%s: got %v (there: %v), want %v", tt.v, name, have, there, want)
			}
		}
	}
}

// FuzzEnum: any text is a number, which is kept, a name, which comes back, or a fault that says
// what is allowed.
func FuzzEnum(f *testing.F) {
	for _, text := range []string{"Processed", "processed", "10", "-1", "99999999999", "Required, Suspicious", "Required,,", "", "Susicious", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, table := range EnumTables() {
			number, err := table.Number(text)
			if err != nil {
				if err.Error() == "" {
					t.Fatalf("%s %q: an empty fault", table.Kind(), text)
				}
				continue
			}
			name := table.Name(number)
			if name == nil {
				continue // a number without a name
			}
			if again, err := table.Number(*name); err != nil || again != number {
				t.Fatalf("%s %q: %d is %s, which is %d, %v", table.Kind(), text, number, *name, again, err)
			}
		}
	})
}

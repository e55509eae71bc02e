package forgehook_test

import (
	"errors"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

func TestEventRequest_Validate(t *testing.T) {
	t.Parallel()
	id, item := new(int32(912)), &forgehook.WorkItem{DocumentID: new(int32(912))}
	tooMany := make([]int32, forgehook.MaxEventDocuments+1)
	for name, row := range map[string]struct {
		event forgehook.EventRequest
		want  []string
	}{
		"one document":                 {forgehook.EventRequest{Type: forgehook.EventAfterProcess, Request: forgehook.CallRequest{DocumentID: id}}, nil},
		"a list":                       {forgehook.EventRequest{Type: forgehook.EventDocumentCreated, DocumentIDs: []int32{912}}, nil},
		"a verification":               {forgehook.EventRequest{Type: forgehook.EventVerification, Request: forgehook.CallRequest{DocumentID: id, VerificationID: id}}, nil},
		"a work item and its document": {forgehook.EventRequest{Type: forgehook.EventWorkItem, Request: forgehook.CallRequest{WorkItem: item}}, nil},

		"nothing":                  {forgehook.EventRequest{Type: forgehook.EventAfterProcess}, []string{"document"}},
		"another's work item":      {forgehook.EventRequest{Type: forgehook.EventAfterProcess, Request: forgehook.CallRequest{WorkItemID: id}}, []string{"document"}},
		"an empty list":            {forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{}}, []string{"document"}},
		"too many":                 {forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: tooMany}, []string{"documentIds"}},
		"two lists":                {forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{1}, Documents: []forgehook.Document{{}}}, []string{"documents"}},
		"one and many":             {forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{1}, Request: forgehook.CallRequest{DocumentID: id}}, []string{"document"}},
		"verifications of many":    {forgehook.EventRequest{Type: forgehook.EventVerification, DocumentIDs: []int32{1}, Request: forgehook.CallRequest{VerificationID: id}}, []string{"documents"}},
		"a verification without":   {forgehook.EventRequest{Type: forgehook.EventVerification, Request: forgehook.CallRequest{DocumentID: id, ParameterID: id}}, []string{"verification"}},
		"a work item without":      {forgehook.EventRequest{Type: forgehook.EventWorkItem, Request: forgehook.CallRequest{DocumentID: id}}, []string{"workItem"}},
		"an entity twice, and all": {forgehook.EventRequest{Type: forgehook.EventWorkItem, Request: forgehook.CallRequest{MasterDocumentID: id, MasterDocument: &forgehook.Document{}}}, []string{"workItem", "masterDocument", "document"}},
	} {
		var got []string
		if e, ok := errors.AsType[*forgehook.Error](row.event.Validate()); ok {
			for _, f := range e.Fields {
				got = append(got, f.Path)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Entities that do not belong to the event are ignored.
func TestEventRequest_About(t *testing.T) {
	t.Parallel()
	id := new(int32(7))
	all := forgehook.CallRequest{
		ServiceID: id, WebHookServiceID: id, DocumentID: id, MasterDocumentID: id, ParameterID: id, ParameterDefID: id, VerificationID: id, WorkItemID: id, Reason: new("why"),
	}
	document := forgehook.CallRequest{DocumentID: id, MasterDocumentID: id, Reason: all.Reason}
	verification := document
	verification.ParameterID, verification.ParameterDefID, verification.VerificationID = id, id, id
	workItem := verification
	workItem.WorkItemID = id
	for kind, want := range map[forgehook.EventType]forgehook.CallRequest{
		forgehook.EventAfterProcess: document, forgehook.EventVerification: verification, forgehook.EventWorkItem: workItem,
	} {
		event := forgehook.EventRequest{Type: kind, Request: all}
		if diff := cmp.Diff(want, event.About()); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

// Stored signals and running workflows have these ids.
func TestWorkflowIDs(t *testing.T) {
	t.Parallel()
	got := []string{
		forgehook.CallWorkflowID("a"), forgehook.RunWorkflowID("b"), forgehook.ProcessWorkflowID("c"), forgehook.ProcessWorkflows + "c",
		forgehook.DrainWorkflowID("t", 7),
	}
	if diff := cmp.Diff([]string{"call/a", "run/b", "work-item/c", "work-item/c", "drain/t/7"}, got); diff != "" {
		t.Error(diff)
	}
}

// Only the root spells ids of workflows, in Go and in SQL.
func TestWorkflowIDs_spelledOnce(t *testing.T) {
	t.Parallel()
	spelled := regexp.MustCompile(`(^|')(call|run|work-item|drain)/($|'|%)`)
	others := []string{
		"event.go: call/", "event.go: run/", "event.go: work-item/", "event.go: drain/",
		"api/workitems.go: work-item/%d/%s", // the idempotency key of a process's call
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(path, ".") && path != ".") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		for _, text := range literals(t, path) {
			if at := path + ": " + text; spelled.MatchString(text) && !slices.Contains(others, at) {
				t.Errorf("%s: make workflow ids with forgehook.CallWorkflowID and its neighbours", at)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals are the strings of a file without quotes.
func literals(t *testing.T, path string) (texts []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile(path, -1, len(source)), source, nil, 0)
	for {
		switch _, kind, text := s.Scan(); kind {
		case token.EOF:
			return texts
		case token.STRING:
			texts = append(texts, text[1:len(text)-1])
		}
	}
}

// The declaration of an event decides who may raise it, and what it fires.
func TestEventTypes(t *testing.T) {
	t.Parallel()
	documents := []forgehook.EventType{forgehook.EventDocumentCreated, forgehook.EventDocumentUpdated, forgehook.EventDocumentDeleted}
	entities := []forgehook.EventType{forgehook.EventVerification, forgehook.EventWorkItem}
	own := []forgehook.EventType{
		forgehook.EventCallCompleted, forgehook.EventCallFailed, forgehook.EventUtilityHeld, forgehook.EventUtilityRecovered,
	}
	process := []forgehook.EventType{forgehook.EventBeforeProcess, forgehook.EventAfterProcess}
	for name, lists := range map[string][2][]forgehook.EventType{
		"a client raises":   {forgehook.EventTypes, slices.Concat(process, documents, entities)},
		"Forgehook raises":  {forgehook.OwnEventTypes, own},
		"triggers may list": {forgehook.TriggerTypes, slices.Concat(documents, entities, own)},
	} {
		if diff := cmp.Diff(lists[1], lists[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	s, err := forgehook.DecodeSettings([]byte(`{"webHook":{"url":"https://a.test"},"executeOnTrigger":true,"executeAfterProcess":false}`), forgehook.Settings{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(documents, s.Fires()); diff != "" {
		t.Errorf("true means (-want +got):\n%s", diff)
	}
}

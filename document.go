package forgehook

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// Document is one document of a service, in the platform's JSON: camelCase, enums as numbers with
// <name>Name beside them. Unknown names are ignored and stay out of payloads. A missing id is left
// out, since 0 is no id. Extracted values are strings for every value type and are never
// reformatted.
type Document struct {
	ID                int32               `json:"id,omitzero"`
	UserID            *string             `json:"userId"`
	ProjectID         int32               `json:"projectId,omitzero"`
	ServiceID         int32               `json:"serviceId,omitzero"`
	Status            DocumentStatus      `json:"status"`
	Usage             UsageType           `json:"usage"`
	ClassID           *int32              `json:"classId"` // category
	ContentType       *string             `json:"contentType"`
	Filename          *string             `json:"filename"`
	FileType          *string             `json:"fileType"` // extension without dot
	DTC               *Time               `json:"dtc"`      // created
	DTM               *Time               `json:"dtm"`      // modified
	DocumentID        *string             `json:"documentId"`
	ExternalID        *string             `json:"externalId"` // the caller's business key
	MasterID          *int32              `json:"masterId"`   // the Inbox document it was made from
	Result            *string             `json:"result"`
	ResultID          *string             `json:"resultId"`
	ResultIndex       *int32              `json:"resultIndex"`
	Comment           *string             `json:"comment"`
	Availability      *Availability       `json:"availability"`
	LatestChildStatus *DocumentStatus     `json:"latestChildStatus"`
	OriginID          *int32              `json:"originId"`
	Info              []string            `json:"info,omitzero"`
	ResultParameters  []DocumentParameter `json:"resultParameters,omitzero"` // roots
	Data              []DocumentData      `json:"data,omitzero"`
	Documents         []Document          `json:"documents,omitzero"`
	Source            json.RawMessage     `json:"source,omitempty"` // the sender's JSON, where a service's input converted it; in no payload
}

// DocumentParameter is a field of a document. A table is a field with Column children; their
// children are the cells.
type DocumentParameter struct {
	ID            int32               `json:"id,omitzero"`
	DocumentID    int32               `json:"documentId,omitzero"`
	ParamDefID    *int32              `json:"paramDefId"`
	ParentID      *int32              `json:"parentId"`
	SourceID      *int32              `json:"sourceId"`
	Value         *string             `json:"value"`
	Data          *string             `json:"data"` // base64
	Index         *int32              `json:"index"`
	ColIndex      *int32              `json:"colIndex"`
	ColSpan       *int32              `json:"colSpan"`
	RowIndex      *int32              `json:"rowIndex"`
	RowSpan       *int32              `json:"rowSpan"`
	Availability  *Availability       `json:"availability"`
	ParamDef      *ParameterDef       `json:"paramDef,omitempty"`
	Children      []DocumentParameter `json:"children,omitzero"`
	Verifications []Verification      `json:"verifications,omitzero"`
}

// Verification is one statement about a field's value. The last by DT, then ID, is current.
type Verification struct {
	ID                int32              `json:"id,omitzero"`
	ParameterID       int32              `json:"parameterId,omitzero"`
	UserID            *string            `json:"userId"`
	UserName          *string            `json:"userName"`
	Value             *string            `json:"value"`
	DT                *Time              `json:"dt"`
	Confidence        *float64           `json:"confidence"` // 0 to 1
	SymbolsConfidence json.RawMessage    `json:"symbolsConfidence,omitempty" raw:"sorted"`
	Type              VerificationType   `json:"type"`
	Status            VerificationStatus `json:"status"`
	Result            *string            `json:"result"`
	Box               *string            `json:"box"`
	Info              *string            `json:"info"`
	Data              *string            `json:"data"` // base64
	ServiceID         *int32             `json:"serviceId"`
	ServiceDocID      *int32             `json:"serviceDocId"`
	Provider          *string            `json:"provider"`
	SettingID         *int32             `json:"settingId"`
	WorkItem          *int32             `json:"workItem"`
	TransactionID     *int32             `json:"transactionId"`
	ReferenceDocID    *int32             `json:"referenceDocId"`
	ReferenceParamID  *int32             `json:"referenceParamId"`
	ReferenceDefID    *int32             `json:"referenceDefId"`
	Charge            *json.Number       `json:"charge"`
}

// DocumentData is a stored rendering of a document: its bytes, a page, a result.
type DocumentData struct {
	ID          int32             `json:"id,omitzero"`
	DocumentID  int32             `json:"documentId,omitzero"`
	BlobID      *string           `json:"blobId"`
	Type        *DocumentDataType `json:"type"`
	Data        *string           `json:"data"`    // base64
	Preview     *string           `json:"preview"` // base64
	Text        *string           `json:"text"`
	Info        *string           `json:"info"`
	ContentType *string           `json:"contentType"`
	ResultID    *string           `json:"resultId"`
	Index       *int32            `json:"index"` // page
	Width       *int32            `json:"width"`
	Height      *int32            `json:"height"`
	Resolution  *float64          `json:"resolution"`
}

// Extension is the file type, else the part of the file name after its last dot: without dot, "" if
// both are missing.
func (d *Document) Extension() string {
	if d.FileType != nil && *d.FileType != "" {
		return strings.TrimPrefix(*d.FileType, ".")
	}
	if d.Filename != nil {
		if i := strings.LastIndexByte(*d.Filename, '.'); i >= 0 {
			return (*d.Filename)[i+1:]
		}
	}
	return ""
}

// Fields are the fields of a document at every depth, each before those below it. Fields of the
// documents inside it are left out.
func (d *Document) Fields() iter.Seq[*DocumentParameter] { return fieldsOf(d.ResultParameters) }

// Fields are the fields below this one at every depth, each before those below it.
func (p *DocumentParameter) Fields() iter.Seq[*DocumentParameter] { return fieldsOf(p.Children) }

func fieldsOf(list []DocumentParameter) iter.Seq[*DocumentParameter] {
	return func(yield func(*DocumentParameter) bool) { eachField(list, yield) }
}

func eachField(list []DocumentParameter, visit func(*DocumentParameter) bool) bool {
	for i := range list {
		if !visit(&list[i]) || !eachField(list[i].Children, visit) {
			return false
		}
	}
	return true
}

// Field is the field that a name means, nil if none: see [FieldIndex.Named].
func (d *Document) Field(name string) *DocumentParameter {
	if found := IndexFields(d.ResultParameters).Named(name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// Parameter finds a field by id at any depth, nil if there is none.
func (d *Document) Parameter(id int32) *DocumentParameter {
	for p := range d.Fields() {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// Verification finds a verification of any field, and that field.
func (d *Document) Verification(id int32) (*DocumentParameter, *Verification) {
	for p := range d.Fields() {
		for i := range p.Verifications {
			if p.Verifications[i].ID == id {
				return p, &p.Verifications[i]
			}
		}
	}
	return nil, nil
}

// ParameterDef finds a definition that a field of the document carries, nil if none does.
func (d *Document) ParameterDef(id int32) *ParameterDef {
	return IndexFields(d.ResultParameters).Definition(id)
}

// Name is the name in the field's definition, "" if it has none.
func (p *DocumentParameter) Name() string {
	if p.ParamDef == nil || p.ParamDef.Name == nil {
		return ""
	}
	return *p.ParamDef.Name
}

// LastVerification is the current verification: the last by DT, then by ID; nil if there is none.
func (p *DocumentParameter) LastVerification() *Verification {
	var last *Verification
	for i := range p.Verifications {
		if v := &p.Verifications[i]; last == nil || v.after(last) {
			last = v
		}
	}
	return last
}

func (v *Verification) after(w *Verification) bool {
	switch {
	case v.DT == nil || w.DT == nil:
		return v.DT != nil || (w.DT == nil && v.ID > w.ID)
	case !v.DT.Equal(w.DT.Time):
		return v.DT.After(w.DT.Time)
	default:
		return v.ID > w.ID
	}
}

// FieldIndex finds fields of a document, or below a field, by name and by definition. It alone
// decides what a name means, for reading, writing and masking (decision 20). It holds the names as
// they were when it was made, and is not safe for concurrent use.
type FieldIndex struct {
	top    []DocumentParameter
	all    []*DocumentParameter            // in the order of the document
	named  map[string][]*DocumentParameter // by exact name
	folded map[string][]*DocumentParameter // by name in any case; nil until it is needed
	byID   map[int32][]*DocumentParameter
	names  []string // see Names
	first  bool     // by the rules of Language1
}

// IndexFields indexes fields and all below them.
func IndexFields(top []DocumentParameter) *FieldIndex { return LanguageNow.IndexFields(top) }

// IndexFields is the function of that name by the rules of a language. In Language1 a name meant
// the first field at any depth, and an id only fields that name their definition.
func (l Language) IndexFields(top []DocumentParameter) *FieldIndex {
	x := &FieldIndex{top: top, named: map[string][]*DocumentParameter{}, byID: map[int32][]*DocumentParameter{}, first: l == Language1}
	for p := range fieldsOf(top) {
		x.all = append(x.all, p)
	}
	for p := range x.ranked() {
		if name := p.Name(); name != "" {
			x.named[name] = append(x.named[name], p)
		}
		if p.ParamDefID != nil {
			x.byID[*p.ParamDefID] = append(x.byID[*p.ParamDefID], p)
		}
		if def := p.ParamDef; def != nil && (p.ParamDefID == nil || *p.ParamDefID != def.ID) {
			x.byID[def.ID] = append(x.byID[def.ID], p)
		}
	}
	return x
}

// ranked are the fields by rank: first those at the top, then those below in document order.
func (x *FieldIndex) ranked() iter.Seq[*DocumentParameter] {
	if x.first {
		return slices.Values(x.all)
	}
	return func(yield func(*DocumentParameter) bool) {
		for i := range x.top {
			if !yield(&x.top[i]) {
				return
			}
		}
		for i := range x.top {
			for p := range x.top[i].Fields() {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// All are the fields in document order.
func (x *FieldIndex) All() []*DocumentParameter { return x.all }

// Names are the distinct names of the fields, sorted.
func (x *FieldIndex) Names() []string {
	if x.names == nil {
		x.names = slices.Sorted(maps.Keys(x.named))
	}
	return x.names
}

// Named are the fields that a name may mean: those with exactly this name or, if there are none,
// those with it in any case. Fields at the top come first, then those below in document order. The
// name means the first.
func (x *FieldIndex) Named(name string) []*DocumentParameter {
	if found := x.named[name]; found != nil || name == "" {
		return found
	}
	if x.folded == nil {
		x.folded = map[string][]*DocumentParameter{}
		for p := range x.ranked() {
			if name := jsontree.Fold(p.Name()); name != "" {
				x.folded[name] = append(x.folded[name], p)
			}
		}
	}
	return x.folded[jsontree.Fold(name)]
}

// Defined are the fields that carry a definition or name it by its id, in the order of
// [FieldIndex.Named]. 0 is no id.
func (x *FieldIndex) Defined(id int32) []*DocumentParameter {
	if id == 0 {
		return nil
	}
	if !x.first {
		return x.byID[id]
	}
	return slices.DeleteFunc(slices.Clone(x.byID[id]), func(p *DocumentParameter) bool { return p.ParamDefID == nil || *p.ParamDefID != id })
}

// Definition is the definition with that id, nil if no field carries it.
func (x *FieldIndex) Definition(id int32) *ParameterDef {
	for _, p := range x.byID[id] {
		if def := p.ParamDef; id != 0 && def != nil && (def.ID == id || def.ID == 0) {
			return def
		}
	}
	return nil
}

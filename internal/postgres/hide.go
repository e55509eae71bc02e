package postgres

import (
	"cmp"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
)

// leastSecret is the length, in bytes, from which a secret is looked for within other texts, as everywhere.
const leastSecret = 4

// hideSecrets masks secrets, the longest first. A short one is masked where it is all of a text.
func hideSecrets(text string, secrets []string) string {
	for _, s := range secrets {
		switch {
		case text == s:
			return secretValue
		case len(s) >= leastSecret && !strings.Contains(secretValue, s):
			text = strings.ReplaceAll(text, s, secretValue)
		}
	}
	return text
}

// learnSecrets notes which parameters of a document are secret, by their own definition, by that of another parameter with the same
// one, or by where they stand, and what they hold now: it may stand in other texts, which are shown as they were.
func (p *writeBack) learnSecrets(d *forgehook.Document) {
	definitions := map[int32]bool{}
	found := false
	eachField(d, func(one *forgehook.DocumentParameter, _ bool) bool {
		if def := one.ParamDef; def != nil && (def.ValueType == forgehook.ValuePassword || def.ValueType == forgehook.ValueSecure) {
			found = true
			definitions[def.ID] = true
			if one.ParamDefID != nil {
				definitions[*one.ParamDefID] = true
			}
		}
		return false
	})
	if !found {
		return
	}
	delete(definitions, 0) // no id
	p.hidden = map[*forgehook.DocumentParameter]bool{}
	secrets := slices.Clone(p.secrets)
	eachField(d, func(one *forgehook.DocumentParameter, above bool) bool {
		def := one.ParamDef
		secret := above || def != nil && (def.ValueType == forgehook.ValuePassword || def.ValueType == forgehook.ValueSecure || definitions[def.ID]) ||
			one.ParamDefID != nil && definitions[*one.ParamDefID]
		if !secret {
			return false
		}
		p.hidden[one] = true
		texts := []*string{one.Value, one.Data}
		for i := range one.Verifications {
			texts = append(texts, one.Verifications[i].Value, one.Verifications[i].Data)
		}
		for _, text := range texts {
			if text != nil && *text != "" {
				quoted := string(jsonText(text))
				secrets = append(secrets, *text, quoted[1:len(quoted)-1])
			}
		}
		return true
	})
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	p.secrets = slices.Compact(secrets)
}

// eachField visits the parameters of a document and of those inside it. What visit says of one it is told, as above, of those below.
func eachField(d *forgehook.Document, visit func(one *forgehook.DocumentParameter, above bool) bool) {
	eachParameter(d.ResultParameters, false, visit)
	for i := range d.Documents {
		eachField(&d.Documents[i], visit)
	}
}

func eachParameter(list []forgehook.DocumentParameter, above bool, visit func(one *forgehook.DocumentParameter, above bool) bool) {
	for i := range list {
		eachParameter(list[i].Children, visit(&list[i], above), visit)
	}
}

package webhook

import "github.com/forgehook/forgehook"

// withoutComments returns the subject with every comment null: of documents, at any depth, work
// item, project and category. The given subject stays as it is.
func withoutComments(sub *forgehook.Subject) *forgehook.Subject {
	clean := *sub
	clean.Document = uncommented(sub.Document)
	clean.MasterDocument = uncommented(sub.MasterDocument)
	if w := sub.WorkItem; w != nil {
		item := *w
		item.Comment = nil
		clean.WorkItem = &item
	}
	if p := sub.Project; p != nil {
		project := *p
		project.Comment = nil
		clean.Project = &project
	}
	if c := sub.Category; c != nil {
		category := *c
		category.Comment = nil
		clean.Category = &category
	}
	return &clean
}

func uncommented(doc *forgehook.Document) *forgehook.Document {
	if doc == nil {
		return nil
	}
	clean := *doc
	clean.Comment = nil
	if doc.Documents != nil {
		clean.Documents = make([]forgehook.Document, len(doc.Documents))
	}
	for i := range doc.Documents {
		clean.Documents[i] = *uncommented(&doc.Documents[i])
	}
	return &clean
}

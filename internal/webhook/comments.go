package webhook

import "github.com/forgehook/forgehook"

// withoutComments returns a copy of the subject whose comments are null: those of the documents at
// any depth, the work item, the project and the category.
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

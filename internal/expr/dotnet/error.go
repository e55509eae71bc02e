package dotnet

import "fmt"

// FormatError is a format that can neither write nor read any value. CheckNumber, CheckMoment,
// CheckRead and CheckDuration find it before there is a value.
type FormatError struct {
	Kind    string // "number", "date" or "duration"
	Format  string
	Problem string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%q is no %s format: %s", e.Format, e.Kind, e.Problem)
}

// UnreadableError is a text that is no number, date or duration. Its message never holds the text.
type UnreadableError struct {
	Kind    string // "number", "date" or "duration"
	Problem string
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("the text is no %s: %s", e.Kind, e.Problem)
}

// CultureError is the name of a culture that is not built in.
type CultureError struct {
	Name    string
	Nearest string // "" if nothing is near
}

func (e *CultureError) Error() string {
	if e.Nearest != "" {
		return fmt.Sprintf("unknown culture %q: did you mean %q?", e.Name, e.Nearest)
	}
	return fmt.Sprintf("unknown culture %q: use one of %s", e.Name, Names())
}

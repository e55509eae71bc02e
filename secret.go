package forgehook

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that is written and never shown: it prints, logs and marshals as a placeholder. At rest it is sealed; the
// plain text is there only between the request that set it and the sealing, and during one delivery.
type Secret struct {
	plain     string
	Sealed    []byte // nil while not sealed
	UpdatedAt Time
}

// Masked stands for a secret wherever something is kept or shown.
const Masked = "[secret]"

// NewSecret makes a secret that is not sealed yet.
func NewSecret(plain string) Secret { return Secret{plain: plain} }

// Reveal returns the plain text, "" when the secret is unset or only its sealed form is known.
func (s Secret) Reveal() string { return s.plain }

// IsSet reports whether there is a secret, sealed or not.
func (s Secret) IsSet() bool { return s.plain != "" || len(s.Sealed) > 0 }

// Format covers every verb: String alone would leave %d printing the fields.
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, Masked) }
func (s Secret) String() string               { return Masked }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(Masked) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(Masked), nil }

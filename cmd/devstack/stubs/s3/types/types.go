// Package types is a stub; see package s3.
package types

type (
	NoSuchBucket struct{}
	NoSuchKey    struct{}
	CommonPrefix struct{ Prefix *string }
	Object       struct{ Key *string }
)

func (*NoSuchBucket) Error() string { return "no such bucket" }

func (*NoSuchKey) Error() string { return "no such key" }

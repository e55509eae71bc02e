// Package s3 is a stub of Amazon S3: nothing is archived there.
package s3

import (
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var errNone = errors.New("S3 is not available in devstack")

type (
	Options struct {
		BaseEndpoint *string
		UsePathStyle bool
	}

	HeadBucketInput  struct{ Bucket *string }
	HeadBucketOutput struct{}
	HeadObjectInput  struct{ Bucket, Key *string }
	HeadObjectOutput struct{}
	GetObjectInput   struct{ Bucket, Key *string }
	GetObjectOutput  struct{ Body io.ReadCloser }
	PutObjectInput   struct {
		Bucket, Key *string
		Body        io.Reader
	}
	PutObjectOutput    struct{}
	ListObjectsV2Input struct {
		Bucket, Prefix, Delimiter, ContinuationToken, StartAfter *string
		MaxKeys                                                  *int32
	}
	ListObjectsV2Output struct {
		CommonPrefixes        []types.CommonPrefix
		Contents              []types.Object
		IsTruncated           *bool
		NextContinuationToken *string
	}

	Client struct{}
	option = func(*Options)
)

func NewFromConfig(aws.Config, ...option) *Client { return &Client{} }

func (*Client) HeadBucket(context.Context, *HeadBucketInput, ...option) (*HeadBucketOutput, error) {
	return nil, errNone
}

func (*Client) HeadObject(context.Context, *HeadObjectInput, ...option) (*HeadObjectOutput, error) {
	return nil, errNone
}

func (*Client) GetObject(context.Context, *GetObjectInput, ...option) (*GetObjectOutput, error) {
	return nil, errNone
}

func (*Client) PutObject(context.Context, *PutObjectInput, ...option) (*PutObjectOutput, error) {
	return nil, errNone
}

func (*Client) ListObjectsV2(context.Context, *ListObjectsV2Input, ...option) (*ListObjectsV2Output, error) {
	return nil, errNone
}

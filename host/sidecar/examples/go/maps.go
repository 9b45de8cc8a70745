package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"

	"visits/pb"
)

// Never is the TTL of an entry that does not expire.
var Never = &pb.Ttl{Kind: &pb.Ttl_Never{Never: true}}

// After returns the TTL of an entry that expires after d. A nil TTL is the default of the map.
func After(d time.Duration) *pb.Ttl {
	return &pb.Ttl{Kind: &pb.Ttl_AfterNanos{AfterNanos: uint64(d)}}
}

// IfVersion returns the condition that the present value has this version.
func IfVersion(version uint64) *pb.Condition {
	return &pb.Condition{Kind: &pb.Condition_Version{Version: version}}
}

// Rejected is a write that the map has rejected. It has changed nothing.
type Rejected struct{ *pb.Rejection }

func (r Rejected) Error() string { return r.GetMessage() }

// Connect returns a connection to the sidecar at path. It is made at the first call.
func Connect(path string) (*grpc.ClientConn, error) {
	dial := func(ctx context.Context, path string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", path)
	}
	return grpc.Dial(
		"passthrough:///"+path,
		grpc.WithInsecure(),
		grpc.WithContextDialer(dial),
		// Otherwise it is the path, which is not valid as an authority.
		grpc.WithAuthority("localhost"),
		// Calls wait for a sidecar that is not there yet, until their context ends.
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
	)
}

// Tenant is the map of a tenant. It has some of the operations; the others are written in the same way.
type Tenant struct {
	Name string
	Maps pb.MapsClient
}

// Get returns the entry of a key, or nil.
func (t Tenant) Get(ctx context.Context, key []byte) (*pb.Entry, error) {
	response, err := t.Maps.Get(ctx, &pb.GetRequest{Tenant: t.Name, Key: key})
	return response.GetEntry(), err
}

// Set stores a value and returns its version.
func (t Tenant) Set(ctx context.Context, key, value []byte, ttl *pb.Ttl) (uint64, error) {
	response, err := t.Maps.Set(ctx, &pb.SetRequest{Tenant: t.Name, Key: key, Value: value, Ttl: ttl})
	if rejected := response.GetRejected(); rejected != nil {
		return 0, Rejected{rejected}
	}
	return response.GetVersion(), err
}

// SetIf stores a value if a condition holds, and returns its version.
func (t Tenant) SetIf(ctx context.Context, key, value []byte, ttl *pb.Ttl, condition *pb.Condition) (uint64, error) {
	request := &pb.SetIfRequest{Tenant: t.Name, Key: key, Value: value, Ttl: ttl, Condition: condition}
	response, err := t.Maps.SetIf(ctx, request)
	if rejected := response.GetRejected(); rejected != nil {
		return 0, Rejected{rejected}
	}
	return response.GetVersion(), err
}

// Increment adds to a counter and returns the sum. An absent counter is 0 and gets the TTL.
func (t Tenant) Increment(ctx context.Context, key []byte, delta int64, ttl *pb.Ttl) (int64, error) {
	request := &pb.IncrementRequest{Tenant: t.Name, Key: key, Delta: delta, Ttl: ttl}
	response, err := t.Maps.Increment(ctx, request)
	if rejected := response.GetRejected(); rejected != nil {
		return 0, Rejected{rejected}
	}
	return response.GetSum(), err
}

// Delete deletes a key. It returns whether the key was present.
func (t Tenant) Delete(ctx context.Context, key []byte) (bool, error) {
	response, err := t.Maps.Delete(ctx, &pb.DeleteRequest{Tenant: t.Name, Key: key})
	return response.GetPresent(), err
}

// Scan calls visit for each entry whose key begins with prefix.
func (t Tenant) Scan(ctx context.Context, prefix []byte, visit func(*pb.Entry)) error {
	request := &pb.ScanRequest{Tenant: t.Name, Prefix: prefix}
	for {
		page, err := t.Maps.Scan(ctx, request)
		if err != nil {
			return err
		}
		for _, entry := range page.Entries {
			visit(entry)
		}
		if page.Next == nil {
			return nil
		}
		request.Cursor = *page.Next
	}
}

// Pipeline is a stream of batches. Send several before you receive the results of the first.
type Pipeline struct {
	stream pb.Maps_PipelineClient
	tenant string
}

// Pipeline opens a stream of batches.
func (t Tenant) Pipeline(ctx context.Context) (Pipeline, error) {
	stream, err := t.Maps.Pipeline(ctx)
	return Pipeline{stream, t.Name}, err
}

// Send sends a batch.
func (p Pipeline) Send(operations ...*pb.Operation) error {
	return p.stream.Send(&pb.PipelineRequest{Tenant: p.tenant, Operations: operations})
}

// Receive returns the results of the next batch, in the order of its operations.
func (p Pipeline) Receive() ([]*pb.OperationResult, error) {
	response, err := p.stream.Recv()
	if err != nil {
		return nil, fmt.Errorf("the stream has ended: %w", err)
	}
	return response.Results, nil
}

// Close ends the stream.
func (p Pipeline) Close() error { return p.stream.CloseSend() }

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

// After returns the TTL of an entry that expires after d, which must be positive: the map rejects others.
// A nil TTL is the default of the map.
func After(d time.Duration) *pb.Ttl {
	if d < 0 {
		d = 0 // as an unsigned number, it would be more than 292 years
	}
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
	stream  pb.Maps_PipelineClient
	tenant  string
	timeout time.Duration
	cancel  context.CancelFunc
}

// Pipeline opens a stream of batches. Opening it, and each wait for the results of a batch, may take as long
// as timeout; the stream itself lasts until it is closed or ctx ends.
func (t Tenant) Pipeline(ctx context.Context, timeout time.Duration) (Pipeline, error) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(timeout, cancel)
	stream, err := t.Maps.Pipeline(ctx)
	if !timer.Stop() {
		err = fmt.Errorf("no stream within %v: is the sidecar there? %w", timeout, context.DeadlineExceeded)
	}
	if err != nil {
		cancel()
	}
	return Pipeline{stream, t.Name, timeout, cancel}, err
}

// Send sends a batch.
func (p Pipeline) Send(operations ...*pb.Operation) error {
	return p.stream.Send(&pb.PipelineRequest{Tenant: p.tenant, Operations: operations})
}

// Receive returns the results of the next batch, in the order of its operations. Without results in time, the
// stream ends, and nobody knows what became of the batches that were under way.
func (p Pipeline) Receive() ([]*pb.OperationResult, error) {
	timer := time.AfterFunc(p.timeout, p.cancel)
	response, err := p.stream.Recv()
	if !timer.Stop() && err != nil {
		return nil, fmt.Errorf("no results within %v: %w", p.timeout, context.DeadlineExceeded)
	}
	if err != nil {
		return nil, fmt.Errorf("the stream has ended: %w", err)
	}
	return response.Results, nil
}

// Close ends the stream. Receive the results of all batches first.
func (p Pipeline) Close() { p.cancel() }

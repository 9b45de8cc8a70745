package main

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"visits/pb"
)

const heldInAMessage = 5000

// Mirror is a local copy of a tenant's map, which the sidecar keeps up to date. Reads make no call.
type Mirror struct {
	tenant Tenant
	// Changed receives a value after a message was applied, and when the mirror has failed, if it is empty.
	Changed chan struct{}

	lock            sync.RWMutex
	entries         map[string]held
	epoch, revision uint64
	synced          bool
	err             error
}

type held struct {
	value    []byte
	version  uint64
	deadline time.Time // zero: never
}

// NewMirror opens a mirror, which follows the map until the context ends or it fails: see Err.
func NewMirror(ctx context.Context, tenant Tenant) *Mirror {
	m := &Mirror{tenant: tenant, Changed: make(chan struct{}, 1), entries: map[string]held{}}
	go m.run(ctx)
	return m
}

// Get returns the value of a key and its version. The value must not be changed.
func (m *Mirror) Get(key string) (value []byte, version uint64, ok bool) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	entry, ok := m.entries[key]
	if !ok || entry.expired(time.Now()) {
		return nil, 0, false
	}
	return entry.value, entry.version, true
}

// Synced returns whether the copy holds what the map held at the last message.
func (m *Mirror) Synced() bool {
	m.lock.RLock()
	defer m.lock.RUnlock()
	return m.synced
}

// Err returns why the mirror has ended, although its context has not: the status is InvalidArgument,
// PermissionDenied or Unimplemented, so another stream would not help. Otherwise it returns nil, and the
// mirror opens another stream whenever it loses one.
func (m *Mirror) Err() error {
	m.lock.RLock()
	defer m.lock.RUnlock()
	return m.err
}

func permanent(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unimplemented:
		return true
	}
	return false
}

func (h held) expired(now time.Time) bool {
	return !h.deadline.IsZero() && !now.Before(h.deadline)
}

// run opens the stream, again and again. The copy stays readable while there is none.
func (m *Mirror) run(ctx context.Context) {
	backoff := 10 * time.Millisecond
	for ctx.Err() == nil {
		received, err := m.follow(ctx)
		if received {
			backoff = 10 * time.Millisecond
		}
		m.lock.Lock()
		m.synced = false
		if permanent(err) {
			m.err = err
		}
		m.lock.Unlock()
		if permanent(err) {
			m.tell()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		if backoff *= 2; backoff > 2*time.Second {
			backoff = 2 * time.Second
		}
	}
}

// tell puts a value into Changed.
func (m *Mirror) tell() {
	select {
	case m.Changed <- struct{}{}:
	default:
	}
}

// follow applies and acknowledges messages until the stream ends. It returns whether there were any, and why
// the stream has ended.
func (m *Mirror) follow(ctx context.Context) (received bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := m.tenant.Maps.Mirror(ctx)
	if err != nil {
		return false, err
	}
	open := &pb.MirrorRequest_Open{Tenant: m.tenant.Name, Epoch: m.epoch, Revision: m.revision, CanCompare: true}
	// If the stream has ended, receiving says why.
	_ = stream.Send(&pb.MirrorRequest{Kind: &pb.MirrorRequest_Open_{Open: open}})
	for {
		response, err := stream.Recv()
		if err != nil {
			return received, err
		}
		received = true
		if response.Compare {
			for _, part := range m.held() {
				_ = stream.Send(&pb.MirrorRequest{Kind: &pb.MirrorRequest_Held_{Held: part}})
			}
			continue
		}
		m.apply(response)
		ack := &pb.MirrorRequest_Ack{Nonce: response.Nonce}
		_ = stream.Send(&pb.MirrorRequest{Kind: &pb.MirrorRequest_Ack_{Ack: ack}})
		m.tell()
	}
}

// apply applies a message, in the order of the protocol.
func (m *Mirror) apply(response *pb.MirrorResponse) {
	now := time.Now()
	m.lock.Lock()
	defer m.lock.Unlock()
	if response.Reset_ {
		m.entries = map[string]held{}
	}
	for _, key := range response.Removed {
		delete(m.entries, string(key))
	}
	for _, refresh := range response.Refreshed {
		if entry, ok := m.entries[string(refresh.Key)]; ok && entry.version == refresh.Version {
			entry.deadline = deadline(now, refresh.ExpiresInNanos)
			m.entries[string(refresh.Key)] = entry
		}
	}
	for _, entry := range response.Entries {
		m.entries[string(entry.Key)] = held{entry.Value, entry.Version, deadline(now, entry.ExpiresInNanos)}
	}
	m.epoch, m.revision, m.synced = response.Epoch, response.Revision, !response.More
}

// held returns what is held, in parts.
func (m *Mirror) held() []*pb.MirrorRequest_Held {
	part := &pb.MirrorRequest_Held{}
	parts := []*pb.MirrorRequest_Held{part}
	for key, entry := range m.entries {
		if len(part.Entries) == heldInAMessage {
			part = &pb.MirrorRequest_Held{}
			parts = append(parts, part)
		}
		part.Entries = append(part.Entries, &pb.MirrorRequest_HeldEntry{
			Key: []byte(key), Version: entry.version, NeverExpires: entry.deadline.IsZero(),
		})
	}
	part.Last = true
	return parts
}

// deadline returns when an entry expires: spans count from the receipt.
func deadline(now time.Time, nanos *uint64) time.Time {
	if nanos == nil {
		return time.Time{}
	}
	if *nanos > 1<<62 {
		return now.Add(1 << 62)
	}
	return now.Add(time.Duration(*nanos))
}

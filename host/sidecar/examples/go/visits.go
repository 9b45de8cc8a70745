// Visits counts visits in the map of a tenant, and reads them from a mirror.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"visits/pb"
)

func main() {
	path := "/run/localmap/maps.sock"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	if err := run(path); err != nil {
		log.Fatal(err)
	}
}

func run(path string) error {
	conn, err := Connect(path)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	shop := Tenant{Name: "shop", Maps: pb.NewMapsClient(conn)}
	mirror := NewMirror(ctx, shop)

	visits, err := shop.Increment(ctx, []byte("visits"), 1, After(time.Hour))
	if err != nil {
		return err
	}
	fmt.Println("visits:", visits)

	// Two writers that do not overwrite each other.
	read, err := shop.Set(ctx, []byte("cart:7"), []byte("tea"), nil)
	if err != nil {
		return err
	}
	if _, err := shop.SetIf(ctx, []byte("cart:7"), []byte("tea, milk"), nil, IfVersion(read)); err != nil {
		return err
	}
	_, err = shop.SetIf(ctx, []byte("cart:7"), []byte("tea, salt"), nil, IfVersion(read))
	var rejected Rejected
	if !errors.As(err, &rejected) {
		return fmt.Errorf("expected a conflict, found %v", err)
	}
	fmt.Println("rejected:", rejected)

	// Many operations in one message, and two messages under way.
	pipeline, err := shop.Pipeline(ctx, 10*time.Second)
	if err != nil {
		return err
	}
	defer pipeline.Close()
	var batch []*pb.Operation
	for n := 0; n < 16; n++ {
		set := &pb.Change_Set{Key: []byte(fmt.Sprint("cart:", n)), Value: []byte("tea")}
		batch = append(batch, &pb.Operation{Kind: &pb.Operation_Set{Set: set}})
	}
	if err := pipeline.Send(batch...); err != nil {
		return err
	}
	if err := pipeline.Send(&pb.Operation{Kind: &pb.Operation_Get{Get: []byte("cart:3")}}); err != nil {
		return err
	}
	stored, err := pipeline.Receive()
	if err != nil {
		return err
	}
	found, err := pipeline.Receive()
	if err != nil {
		return err
	}
	fmt.Println("results:", len(stored), "value:", string(found[0].GetValue()))

	// The copy has them a moment later.
	for {
		if value, _, ok := mirror.Get("cart:15"); ok {
			fmt.Println("in the mirror:", string(value))
			return nil
		}
		if err := mirror.Err(); err != nil {
			return err
		}
		select {
		case <-mirror.Changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A peer of the cross tests on franz-go: `produce SERVERS TOPIC COUNT KEYS` and `consume SERVERS TOPIC COUNT`.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type record struct {
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Timestamp int64   `json:"timestamp"`
	Key       *string `json:"key"`
	Value     *string `json:"value"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var err error
	switch command, arguments := os.Args[1], os.Args[2:]; command {
	case "produce":
		err = produce(ctx, arguments[0], arguments[1], number(arguments[2]), number(arguments[3]))
	case "consume":
		err = consume(ctx, arguments[0], arguments[1], number(arguments[2]))
	default:
		err = fmt.Errorf("unknown command %q", command)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func produce(ctx context.Context, servers, topic string, count, keys int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(servers, ",")...))
	if err != nil {
		return err
	}
	defer client.Close()
	records := make([]*kgo.Record, count)
	for n := range records {
		records[n] = &kgo.Record{
			Topic: topic,
			Key:   fmt.Appendf(nil, "key-%d", n%keys),
			Value: fmt.Appendf(nil, "value-%d", n),
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

func consume(ctx context.Context, servers, topic string, count int) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(servers, ",")...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	out := json.NewEncoder(os.Stdout)
	for read := 0; read < count; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("%d of %d records read: %w", read, count, err)
		}
		for _, r := range fetches.Records() {
			read++
			line := record{r.Partition, r.Offset, r.Timestamp.UnixMilli(), text(r.Key), text(r.Value)}
			if err := out.Encode(line); err != nil {
				return err
			}
		}
	}
	return nil
}

func text(data []byte) *string {
	if data == nil {
		return nil
	}
	s := string(data)
	return &s
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

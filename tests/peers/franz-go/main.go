// A peer of the cross tests on franz-go: `produce SERVERS TOPIC COUNT KEYS`, `consume SERVERS TOPIC COUNT [ISOLATION]`,
// `transactions SERVERS TOPIC ID`, `storm SERVERS TOPIC COUNT ID|-`, and `bench --option value …` for the benchmark.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
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
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		// Whoever started it bounds its time.
		if err := bench(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	patience := time.Minute
	if os.Args[1] == "storm" {
		patience = 30 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	switch command, arguments := os.Args[1], os.Args[2:]; command {
	case "produce":
		err = produce(ctx, arguments[0], arguments[1], number(arguments[2]), number(arguments[3]))
	case "consume":
		committed := len(arguments) > 3 && arguments[3] == "read_committed"
		err = consume(ctx, arguments[0], arguments[1], number(arguments[2]), committed)
	case "transactions":
		err = transactions(ctx, arguments[0], arguments[1], arguments[2])
	case "storm":
		err = storm(ctx, arguments[0], arguments[1], number(arguments[2]), arguments[3])
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

// Five transactions of twenty records, the odd ones aborted; then another producer of the same id.
func transactions(ctx context.Context, servers, topic, id string) error {
	connect := func() (*kgo.Client, error) {
		return kgo.NewClient(kgo.SeedBrokers(strings.Split(servers, ",")...), kgo.TransactionalID(id))
	}
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	for transaction := range 5 {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		for n := range 20 {
			r := kgo.Record{
				Topic: topic,
				Key:   fmt.Appendf(nil, "key-%d", n%7),
				Value: fmt.Appendf(nil, "%d-%d", transaction, n),
			}
			if err := client.ProduceSync(ctx, &r).FirstErr(); err != nil {
				return err
			}
		}
		if err := client.EndTransaction(ctx, kgo.TransactionEndTry(transaction%2 == 0)); err != nil {
			return fmt.Errorf("the end of transaction %d: %w", transaction, err)
		}
	}

	zombie := kgo.Record{Topic: topic, Key: []byte("key-0"), Value: []byte("zombie")}
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, &zombie).FirstErr(); err != nil {
		return err
	}
	heir, err := connect()
	if err != nil {
		return err
	}
	defer heir.Close()
	// The first question has the zombie's transaction aborted, and this client leaves it to its user to ask again.
	for {
		_, _, err := heir.ProducerID(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, kerr.ConcurrentTransactions) {
			return err
		}
	}
	if err := heir.BeginTransaction(); err != nil {
		return err
	}
	r := kgo.Record{Topic: topic, Key: []byte("key-0"), Value: []byte("heir")}
	if err := heir.ProduceSync(ctx, &r).FirstErr(); err != nil {
		return err
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		fmt.Println(err)
	} else {
		fmt.Println("the zombie commits")
	}
	return heir.EndTransaction(ctx, kgo.TryCommit)
}

func consume(ctx context.Context, servers, topic string, count int, committed bool) error {
	isolation := kgo.ReadUncommitted()
	if committed {
		isolation = kgo.ReadCommitted()
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(servers, ",")...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(isolation),
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

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	inOneTransaction = 500
	abortsEvery      = 7
)

// Sends numbered records through whatever weather there is, and tells what became of them, as tests/java/Storm.java does.
func storm(ctx context.Context, servers, topic string, count int, id string) error {
	told := bufio.NewWriter(os.Stdout)
	defer told.Flush()
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(servers, ",")...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(2000),
		kgo.ProducerLinger(2 * time.Millisecond),
		// The client asks again for a leader that moved, but not more often than this.
		kgo.MetadataMinAge(20 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.RequestRetries(1_000_000),
		// By default it takes the end of a young connection for a missing password, and gives up.
		kgo.AlwaysRetryEOF(),
	}
	isTransactional := id != "-" && id != "plain"
	if !isTransactional {
		// Answers may be swallowed.
		options = append(options, kgo.ProduceRequestTimeout(time.Second), kgo.RequestTimeoutOverhead(time.Second))
	}
	if id == "plain" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(5))
	}
	if isTransactional {
		options = append(options, kgo.TransactionalID(id), kgo.TransactionTimeout(10*time.Minute))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	if !isTransactional {
		for number, result := range sendAll(ctx, client, topic, 0, count) {
			if result.Err != nil {
				fmt.Fprintln(told, "failed", number, result.Err)
			} else {
				fmt.Fprintln(told, "stored", number, result.Record.Partition, result.Record.Offset)
			}
		}
		return nil
	}
	for first := 0; first < count; first += inOneTransaction {
		if err := transaction(ctx, client, told, topic, first, min(inOneTransaction, count-first)); err != nil {
			return err
		}
	}
	return nil
}

func sendAll(ctx context.Context, client *kgo.Client, topic string, first, count int) kgo.ProduceResults {
	records := make([]*kgo.Record, count)
	for n := range records {
		number := first + n
		records[n] = &kgo.Record{
			Topic: topic,
			Key:   fmt.Appendf(nil, "key-%d", number%100),
			Value: fmt.Appendf(nil, "%d", number),
		}
	}
	results := make(kgo.ProduceResults, count)
	done := make(chan struct{}, count)
	for n, r := range records {
		// Tells each result at its own place, in whatever order they come.
		client.Produce(ctx, r, func(r *kgo.Record, err error) {
			results[n] = kgo.ProduceResult{Record: r, Err: err}
			done <- struct{}{}
		})
	}
	for range records {
		<-done
	}
	return results
}

func transaction(
	ctx context.Context, client *kgo.Client, told *bufio.Writer, topic string, first, count int,
) error {
	commits := (first/inOneTransaction+1)%abortsEvery != 0
	for {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		failure := sendAll(ctx, client, topic, first, count).FirstErr()
		end := kgo.TransactionEndTry(commits && failure == nil)
		if err := client.EndTransaction(ctx, end); err != nil {
			return fmt.Errorf("the end of the transaction from %d on: %w", first, err)
		}
		switch {
		case failure != nil:
			fmt.Fprintln(told, "again", first, count, failure)
			continue
		case commits:
			fmt.Fprintln(told, "committed", first, count)
		default:
			fmt.Fprintln(told, "aborted", first, count)
		}
		return nil
	}
}

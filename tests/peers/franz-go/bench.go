package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What the application heard of its records. Samples count as acknowledged.
type heard struct {
	acknowledged, failed atomic.Int64
	lock                 sync.Mutex
	latencies            []time.Duration
}

func bench(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	servers := flags.String("servers", "", "bootstrap servers")
	topic := flags.String("topic", "", "topic")
	records := flags.Int("records", 0, "records in all")
	valueBytes := flags.Int("value-bytes", 100, "size of each value")
	batchSize := flags.Int("batch-size", 0, "batch.size")
	lingerMs := flags.Int("linger-ms", 5, "linger.ms")
	bufferMemory := flags.Int("buffer-memory", 0, "buffer.memory")
	completion := flags.String("completion", "count", "count, or sample: the latency of each record")
	rate := flags.Int("rate", 0, "records per second of each thread, 0: as fast as it goes")
	threads := flags.Int("threads", 1, "goroutines that send")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(*servers, ",")...),
		kgo.DefaultProduceTopic(*topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(time.Duration(*lingerMs)*time.Millisecond),
		kgo.ProducerBatchMaxBytes(int32(*batchSize)),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		// Bytes alone bound what is buffered, as in the other clients.
		kgo.MaxBufferedRecords(1<<30),
		kgo.MaxBufferedBytes(*bufferMemory),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return err
	}

	h := &heard{}
	samples := *completion == "sample"
	if samples {
		h.latencies = make([]time.Duration, 0, *records)
	}
	value := make([]byte, *valueBytes)
	var senders sync.WaitGroup
	for thread := range *threads {
		share := *records / *threads
		if thread == 0 {
			share = *records - share*(*threads-1)
		}
		senders.Add(1)
		go func() {
			defer senders.Done()
			send(ctx, client, h, value, share, *rate, samples)
		}()
	}
	senders.Wait()
	if err := client.Flush(ctx); err != nil {
		return err
	}
	// Sorting is no part of sending: only where latency is the question.
	var p50, p99 float64
	if *rate > 0 {
		slices.Sort(h.latencies)
		p50, p99 = h.percentile(50), h.percentile(99)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"acknowledged": h.acknowledged.Load() + int64(len(h.latencies)),
		"failed":       h.failed.Load(),
		"p50_us":       p50,
		"p99_us":       p99,
	})
}

func send(ctx context.Context, client *kgo.Client, h *heard, value []byte, records, rate int, samples bool) {
	started := time.Now()
	// One function for all: it costs nothing per record.
	count := func(_ *kgo.Record, err error) { h.count(err) }
	for number := range records {
		if rate > 0 {
			due := time.Duration(number) * time.Second / time.Duration(rate)
			for time.Since(started) < due {
				time.Sleep(200 * time.Microsecond)
			}
		}
		promise := count
		if samples {
			sentAt := time.Now()
			promise = func(_ *kgo.Record, err error) {
				if err != nil {
					h.count(err)
				} else {
					h.sample(time.Since(sentAt))
				}
			}
		}
		client.Produce(ctx, &kgo.Record{Value: value}, promise)
	}
}

func (h *heard) count(err error) {
	if err == nil {
		h.acknowledged.Add(1)
	} else {
		h.failed.Add(1)
	}
}

func (h *heard) sample(latency time.Duration) {
	h.lock.Lock()
	h.latencies = append(h.latencies, latency)
	h.lock.Unlock()
}

// In microseconds, of sorted samples.
func (h *heard) percentile(percent int) float64 {
	if len(h.latencies) == 0 {
		return 0
	}
	return float64(h.latencies[(len(h.latencies)-1)*percent/100].Nanoseconds()) / 1e3
}

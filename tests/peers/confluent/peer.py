"""A peer of the cross tests on confluent-kafka: `produce SERVERS TOPIC COUNT KEYS` and `consume SERVERS TOPIC`."""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition


def produce(servers: str, topic: str, count: int, keys: int) -> None:
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5})
    for n in range(count):
        producer.produce(topic, key=f"key-{n % keys}", value=f"value-{n}", on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(60)
    if failures or left:
        sys.exit(f"{len(failures)} deliveries failed ({failures[:3]}), {left} still out")


def consume(servers: str, topic: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
    ended = set()
    while len(ended) < len(partitions):
        message = consumer.poll(20)
        if message is None:
            sys.exit("nothing came for 20 seconds")
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                sys.exit(str(error))
            ended.add(message.partition())
            continue
        print(
            json.dumps(
                {
                    "partition": message.partition(),
                    "offset": message.offset(),
                    "timestamp": message.timestamp()[1],
                    "key": text(message.key()),
                    "value": text(message.value()),
                    "headers": [[name, text(value)] for name, value in message.headers() or []],
                }
            )
        )
    consumer.close()


def text(data):
    return None if data is None else data.decode()


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "produce":
        produce(arguments[0], arguments[1], int(arguments[2]), int(arguments[3]))
    else:
        consume(*arguments)

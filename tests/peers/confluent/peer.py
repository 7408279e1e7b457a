"""A peer of the cross tests on confluent-kafka: `produce SERVERS TOPIC COUNT KEYS`, `consume SERVERS TOPIC [ISOLATION]`,
`transactions SERVERS TOPIC ID` and `storm SERVERS TOPIC COUNT ID|-|plain`."""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition


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


def transactions(servers: str, topic: str, transactional_id: str) -> None:
    """Five transactions of twenty records, the odd ones aborted; a group's offsets; then another producer of the id."""
    config = {"bootstrap.servers": servers, "transactional.id": transactional_id, "linger.ms": 5}
    producer = Producer(config)
    producer.init_transactions(60)
    for transaction in range(5):
        producer.begin_transaction()
        for n in range(20):
            producer.produce(topic, key=f"key-{n % 7}", value=f"{transaction}-{n}")
        if transaction % 2 == 0:
            producer.commit_transaction(60)
        else:
            producer.flush(60)
            producer.abort_transaction(60)

    group = Consumer({"bootstrap.servers": servers, "group.id": "librdkafka-group", "enable.auto.commit": False})
    for offset, end in [(7, producer.commit_transaction), (9, producer.abort_transaction)]:
        producer.begin_transaction()
        producer.produce(topic, key="key-0", value=f"offset-{offset}")
        offsets = [TopicPartition(topic, 0, offset)]
        producer.send_offsets_to_transaction(offsets, group.consumer_group_metadata(), 60)
        producer.flush(60)
        end(60)
        committed = group.committed([TopicPartition(topic, 0)], timeout=60)
        print(f"offset {committed[0].offset}")
    group.close()

    producer.begin_transaction()
    producer.produce(topic, key="key-0", value="zombie")
    producer.flush(60)
    heir = Producer(config)
    heir.init_transactions(60)
    try:
        producer.commit_transaction(60)
        print("the zombie commits")
    except KafkaException as refused:
        error = refused.args[0]
        print(f"fatal {error.fatal()} {error.name()}")
    heir.begin_transaction()
    heir.produce(topic, key="key-0", value="heir")
    heir.commit_transaction(60)


def consume(servers: str, topic: str, isolation: str = "read_committed") -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
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
    elif command == "storm":
        from storm import storm

        storm(arguments[0], arguments[1], int(arguments[2]), arguments[3])
    elif command == "transactions":
        transactions(*arguments)
    else:
        consume(*arguments)

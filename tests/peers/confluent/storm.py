"""Sends numbered records through whatever weather there is, and tells what became of them, as tests/java/Storm.java does."""

import sys

from confluent_kafka import KafkaException, Producer

IN_ONE_TRANSACTION = 500
ABORTS_EVERY = 7
PATIENCE_SECONDS = 600


class Storm:
    def __init__(self, servers: str, topic: str, transactional_id: str):
        self.topic = topic
        config = {
            "bootstrap.servers": servers,
            "acks": "all",
            "enable.idempotence": transactional_id != "plain",
            "max.in.flight.requests.per.connection": 5,
            "batch.num.messages": 100,
            "linger.ms": 2,
            "retry.backoff.ms": 20,
            "retry.backoff.max.ms": 200,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "message.timeout.ms": PATIENCE_SECONDS * 1000,
            "log_level": 0,
        }
        if transactional_id in ("-", "plain"):
            # Answers may be swallowed.
            config["socket.timeout.ms"] = 2000
        else:
            config["transactional.id"] = transactional_id
            config["transaction.timeout.ms"] = PATIENCE_SECONDS * 1000
        self.producer = Producer(config)

    def send(self, first: int, count: int, delivered) -> None:
        for number in range(first, first + count):
            while True:
                try:
                    self.producer.produce(
                        self.topic, key=f"key-{number % 100}", value=str(number), on_delivery=delivered(number)
                    )
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.producer.poll(0)

    def all_at_once(self, count: int) -> None:
        def delivered(number):
            def tell(error, message):
                if error is None and message.offset() is None:
                    # Refused as a duplicate (DUPLICATE_SEQUENCE_NUMBER): stored before, the client does not know where.
                    print("sent", number)
                elif error is None:
                    print("stored", number, message.partition(), message.offset())
                else:
                    print("failed", number, error)

            return tell

        self.send(0, count, delivered)
        if left := self.producer.flush(PATIENCE_SECONDS):
            sys.exit(f"{left} still out")

    def in_transactions(self, count: int) -> None:
        self.until_it_ends(self.producer.init_transactions)
        for first in range(0, count, IN_ONE_TRANSACTION):
            self.transaction(first, min(IN_ONE_TRANSACTION, count - first))

    def transaction(self, first: int, count: int) -> None:
        commits = (first // IN_ONE_TRANSACTION + 1) % ABORTS_EVERY != 0
        while True:
            self.producer.begin_transaction()
            try:
                self.send(first, count, lambda _: None)
                if commits:
                    self.until_it_ends(self.producer.commit_transaction)
                else:
                    self.producer.flush(PATIENCE_SECONDS)
                    self.until_it_ends(self.producer.abort_transaction)
                print("committed" if commits else "aborted", first, count)
                return
            except KafkaException as failure:
                if failure.args[0].fatal():
                    raise
                self.until_it_ends(self.producer.abort_transaction)
                print("again", first, count, failure)

    @staticmethod
    def until_it_ends(call) -> None:
        """A call that says so may be made again to hear how it ends."""
        while True:
            try:
                call(PATIENCE_SECONDS)
                return
            except KafkaException as failure:
                if not failure.args[0].retriable():
                    raise


def storm(servers: str, topic: str, count: int, transactional_id: str) -> None:
    weather = Storm(servers, topic, transactional_id)
    if transactional_id in ("-", "plain"):
        weather.all_at_once(count)
    else:
        weather.in_transactions(count)

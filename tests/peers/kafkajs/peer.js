// A peer of the cross tests on kafkajs: `storm SERVERS TOPIC COUNT ID|- each|mixed` sends numbered records through
// whatever weather there is, and tells what became of them, as tests/java/Storm.java does.
//
// `each` has every call of send() name one partition. `mixed` leaves a hundred records in one call to the partitioner.
'use strict'

const dns = require('dns')
const { Kafka, Partitioners, logLevel } = require('kafkajs')

const PATIENCE_MS = 120_000
const IN_ONE_TRANSACTION = 500
const ABORTS_EVERY = 7
const IN_ONE_CALL = 100
const PARTITIONS = 6

const told = []
let settledAt = Date.now()
const tell = (...words) => told.push(words.join(' '))
const range = (first, count) => Array.from({ length: count }, (_, n) => first + n)
const message = number => ({ key: `key-${number % 100}`, value: String(number) })
const partitionOf = number => (number % 100) % PARTITIONS

async function main([command, servers, topic, count, id, calls]) {
  if (command !== 'storm') throw new Error(`unknown command ${command}`)
  const connect = async () => {
    const kafka = new Kafka({
      clientId: 'kafkajs',
      // By another name than the brokers call themselves: see renamed.js.
      brokers: servers.split(',').map(server => server.replace('127.0.0.1', 'localhost')),
      logLevel: logLevel.NOTHING,
      // Longer than any answer is delayed: see the storm's faults.
      requestTimeout: 10_000,
      retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 1_000_000 },
    })
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      // Often, so that faults meet these requests as well.
      metadataMaxAge: 1_000,
      createPartitioner: Partitioners.DefaultPartitioner,
      ...(id === '-' ? {} : { transactionalId: id, transactionTimeout: 600_000 }),
    })
    await producer.connect()
    return producer
  }
  // The proxies listen on one of the addresses of that name.
  dns.setDefaultResultOrder('ipv4first')
  watch()
  const storm = { connect, topic, mixed: calls === 'mixed' }
  storm.producer = await untilItConnects(connect)
  if (id === '-') {
    for (let first = 0; first < Number(count); first += IN_ONE_TRANSACTION) {
      const numbers = range(first, Math.min(IN_ONE_TRANSACTION, Number(count) - first))
      await send(storm, storm.producer, numbers, tellPlaces(storm.mixed))
    }
  } else {
    for (let first = 0; first < Number(count); first += IN_ONE_TRANSACTION) {
      await transaction(storm, first, Math.min(IN_ONE_TRANSACTION, Number(count) - first))
    }
  }
  await storm.producer.disconnect()
  finish()
}

// Whatever the weather, every request is answered or times out; a client that settles no call any more has lost one.
function watch() {
  setInterval(() => {
    if (Date.now() - settledAt > PATIENCE_MS) {
      fail(`kafkajs has settled no call for ${PATIENCE_MS / 1_000} s`)
    }
  }, 1_000)
}

// A connection that kafkajs has given up stays open, and would keep the process.
function finish() {
  process.stdout.write(told.map(line => line + '\n').join(''), () => process.exit(0))
}

function fail(why) {
  console.error(why)
  process.exit(1)
}

// A connection that is cut while it is made fails at once, whatever was said of retries.
async function untilItConnects(connect) {
  for (;;) {
    try {
      return await connect()
    } catch (failure) {
      tell('note', failure.message)
    }
  }
}

async function send({ topic, mixed }, through, numbers, tellOutcome) {
  if (mixed) {
    for (let at = 0; at < numbers.length; at += IN_ONE_CALL) {
      const now = numbers.slice(at, at + IN_ONE_CALL)
      const sending = through.send({ topic, acks: -1, messages: now.map(message) })
      await settle(sending, now, tellOutcome)
    }
    return
  }
  const partitions = range(0, PARTITIONS).map(async partition => {
    const here = numbers.filter(number => partitionOf(number) === partition)
    for (let at = 0; at < here.length; at += IN_ONE_CALL) {
      const now = here.slice(at, at + IN_ONE_CALL)
      const messages = now.map(number => ({ ...message(number), partition }))
      await settle(answered(through.send({ topic, acks: -1, messages })), now, tellOutcome)
    }
  })
  await Promise.all(partitions)
}

// A call that comes back without an answer has sent nothing: see renamed.js. To call again would hide why.
async function answered(sending) {
  const answers = await sending
  if (answers.length > 0) return answers
  return fail('kafkajs has sent nothing, and says nothing of it')
}

async function settle(sending, numbers, tellOutcome) {
  try {
    tellOutcome(numbers, await sending)
  } catch (failure) {
    tellOutcome(numbers, null, failure)
  }
  settledAt = Date.now()
}

// An answer names a base offset for each partition; only with one partition is it known whose it is.
const tellPlaces = mixed => (numbers, answers, failure) => {
  numbers.forEach((number, n) => {
    if (failure) {
      tell('failed', number, failure.message)
    } else if (mixed) {
      tell('sent', number)
    } else {
      const [{ partition, baseOffset }] = answers
      tell('stored', number, partition, Number(baseOffset) + n)
    }
  })
}

async function transaction(storm, first, count) {
  const commits = (first / IN_ONE_TRANSACTION + 1) % ABORTS_EVERY !== 0
  for (;;) {
    let ending = false
    let open
    try {
      open = await storm.producer.transaction()
      const failures = []
      await send(storm, open, range(first, count), (_numbers, _answers, failure) => failure && failures.push(failure))
      if (failures.length > 0) throw failures[0]
      ending = commits
      await (commits ? open.commit() : open.abort())
      tell(commits ? 'committed' : 'aborted', first, count)
      return
    } catch (failure) {
      // There is no way to ask again how a commit or an abort ended: this producer is done for. Another one of its id has
      // what is open aborted; what was to be committed may be, or not.
      await storm.producer.disconnect().catch(() => {})
      storm.producer = await untilItConnects(storm.connect)
      tell(ending ? 'unknown' : 'again', first, count, failure.message)
      if (ending) return
    }
  }
}

main(process.argv.slice(2)).catch(fail)

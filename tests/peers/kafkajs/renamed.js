// A peer of the cross tests on kafkajs: `SERVERS TOPIC NAME COUNT` has the connections of one broker cut at one moment,
// sends records to one partition of each broker afterwards, and tells how many calls were answered, and how many
// records the partition has got. NAME is what the program calls the brokers' machine.
//
// kafkajs remembers the broker that it asked first (`seedBroker`). While it waits for metadata (`refreshMetadata` in
// its cluster/brokerPool.js), a cut connection may put another broker in that place (`removeBroker`). The metadata
// then give that other one the first one's node id, since they look for the address that was noted before the wait.
// From then on what is led by the id that it should have goes into no request, and `send()` resolves without an
// answer. Where the brokers are called by another name than they tell of themselves, no address is ever the noted one.
'use strict'

const net = require('net')
const { Kafka, logLevel } = require('kafkajs')

// Metadata are old at once: nearly every call asks for them.
const METADATA_AGE_MS = 1

// Which broker is asked for metadata is drawn; here it is never the first of them.
Math.random = () => 0

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

// What a broker answers can be held back, and its connections be cut.
function relay(port) {
  const open = new Set()
  let isHeld = false
  let heard = () => {}
  const server = net.createServer(client => {
    const broker = net.connect(port, '127.0.0.1')
    const pair = { broker, end: () => [client, broker].forEach(socket => socket.destroy()) }
    open.add(pair)
    client.on('data', bytes => { broker.write(bytes); heard() })
    broker.on('data', bytes => client.write(bytes))
    if (isHeld) broker.pause()
    for (const socket of [client, broker]) {
      socket.on('error', () => {})
      socket.on('close', () => { open.delete(pair); pair.end() })
    }
  })
  return {
    listen: () => new Promise(resolve => server.listen(0, '127.0.0.1', resolve)),
    connect: onConnect => net.connect(server.address().port, '127.0.0.1', onConnect),
    nextRequest: () => new Promise(resolve => { heard = resolve }),
    hold() { isHeld = true; open.forEach(({ broker }) => broker.pause()) },
    release() { isHeld = false; open.forEach(({ broker }) => broker.resume()) },
    cut: () => open.forEach(pair => pair.end()),
  }
}

async function main([servers, topic, name, count]) {
  const ports = servers.split(',').map(server => Number(server.split(':')[1]))
  const relays = new Map(ports.map(port => [port, relay(port)]))
  await Promise.all([...relays.values()].map(each => each.listen()))
  const kafka = new Kafka({
    brokers: ports.map(port => `${name}:${port}`),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, maxRetryTime: 200 },
    socketFactory: ({ port, onConnect }) => relays.get(port).connect(onConnect),
  })
  const admin = kafka.admin()
  await admin.connect()
  const { brokers } = await admin.describeCluster()
  const [{ partitions }] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics
  const nodeAt = port => brokers.find(broker => broker.port === port).nodeId
  const ledAt = port => partitions.find(({ leader }) => leader === nodeAt(port)).partitionId

  const producer = kafka.producer({ metadataMaxAge: METADATA_AGE_MS })
  await producer.connect()
  const send = partition => producer.send({ topic, messages: [{ value: 'v', partition }] })
  for (const { partitionId } of partitions) await send(partitionId)

  const [first, ...others] = ports.map(port => relays.get(port))
  // A record is on its way to the first broker, and metadata from another one.
  first.hold()
  const asked = first.nextRequest()
  const cutShort = send(ledAt(ports[0]))
  await asked
  await sleep(METADATA_AGE_MS * 10)
  others.forEach(each => each.hold())
  const questions = Promise.race(others.map(each => each.nextRequest()))
  const waiting = send(ledAt(ports[1]))
  await questions
  // Now the first broker's connections are cut, and all goes on.
  first.cut()
  first.release()
  await sleep(500)
  others.forEach(each => each.release())
  await Promise.allSettled([cutShort, waiting])

  for (const port of ports) {
    const partition = ledAt(port)
    const before = await end(partition)
    let answered = 0
    for (let time = 0; time < Number(count); time++) answered += (await send(partition)).length
    console.log(answered, (await end(partition)) - before)
  }
  process.exit(0)

  async function end(partition) {
    const offsets = await admin.fetchTopicOffsets(topic)
    return Number(offsets.find(offset => offset.partition === partition).high)
  }
}

main(process.argv.slice(2)).catch(failure => {
  console.error(failure)
  process.exit(1)
})

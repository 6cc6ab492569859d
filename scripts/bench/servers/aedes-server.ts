import { createServer } from 'node:net'
import { Aedes } from 'aedes'

// Aedes as it comes, on Bun: what the hub's memory for a connection is held against.
const broker = await Aedes.createBroker()
createServer(broker.handle).listen(Number(process.env.PORT), '127.0.0.1')

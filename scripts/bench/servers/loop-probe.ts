// Preloaded into a server's process: says, when asked, by how much its event loop has been late at most since last asked.
const every = 5
let worst = 0
let last = performance.now()

setInterval(() => {
  const now = performance.now()
  worst = Math.max(worst, now - last - every)
  last = now
}, every).unref()

process.on('message', () => {
  worst = Math.max(worst, performance.now() - last - every)
  process.send?.({ worst })
  worst = 0
})
